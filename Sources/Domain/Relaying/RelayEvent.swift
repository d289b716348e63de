package import FoundationEssentials

/// One row of the `event` table: a status change that was committed with the change itself.
package struct RelayEvent: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        case warning
        case recovered
        case appRejected = "app_rejected"
        case appRecovered = "app_recovered"
        case providerDegraded = "provider_degraded"
        case providerRecovered = "provider_recovered"
        case security
        case destinationDegraded = "destination_degraded"
        case destinationRecovered = "destination_recovered"
        case platform
    }

    package var id: Int64
    package var kind: Kind
    package var channelID: ChannelID?
    package var appID: String?
    package var reason: String?
    package var code: String?
    package var message: String?
    package var at: Date
    /// Of destination events.
    package var destinationID: String?
    /// Of the platform's own events.
    package var platform: PlatformEvent?

    package init(
        id: Int64, kind: Kind, channelID: ChannelID?, appID: String?, reason: String?, code: String?, message: String?,
        at: Date, destinationID: String? = nil, platform: PlatformEvent? = nil
    ) {
        self.id = id
        self.kind = kind
        self.channelID = channelID
        self.appID = appID
        self.reason = reason
        self.code = code
        self.message = message
        self.at = at
        self.destinationID = destinationID
        self.platform = platform
    }
}
