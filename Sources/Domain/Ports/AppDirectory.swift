package import FoundationEssentials

/// Finds the OAuth client registration that a channel uses: the tenant's before the platform's.
package protocol AppDirectory: Sendable {
    func app(provider: String, tenantID: String) -> App?
}

/// All apps of this process, for lists and for what they have in common.
package protocol AppListing: AppDirectory {
    /// Every app this process is configured with, in order of id.
    var all: [App] { get }
}

/// What is stored of an app: never its secrets.
package struct AppRecord: Sendable, Equatable {
    package var id: String
    package var provider: String
    package var tenantID: String?
    package var state: AppState
    /// The rule's stable reason.
    package var reason: String?
    package var since: Date
    /// When the next probe of a paused or suspect app is due.
    package var probeAt: Date?

    package init(
        id: String, provider: String, tenantID: String?, state: AppState, reason: String?, since: Date, probeAt: Date?
    ) {
        self.id = id
        self.provider = provider
        self.tenantID = tenantID
        self.state = state
        self.reason = reason
        self.since = since
        self.probeAt = probeAt
    }
}

/// The stored states of apps.
package protocol AppRecords: Sendable {
    /// In order of id; a tenant sees its own and the platform's.
    func apps(tenantID: String?) async throws -> [AppRecord]
    /// A channel whose tokens the app keeps, for a test: the most recently renewed one, active.
    func channel(of appID: String) async throws -> ChannelID?
}
