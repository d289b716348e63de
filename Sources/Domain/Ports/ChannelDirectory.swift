package import FoundationEssentials

/// Channels as the API and the command line handle them.
///
/// `tenantID` restricts in SQL: a foreign id is an unknown one.
package protocol ChannelDirectory: Sendable {
    /// A page of at most `limit` (1…500) channels in order of id, after `cursor`.
    func channels(_ filter: ChannelFilter, after cursor: ChannelID?, limit: Int) async throws -> [Channel]
    func channel(_ id: ChannelID, tenantID: String?) async throws -> Channel?
    /// Inserts all or none. With `replacing`, an existing id gets the new grant and the new description.
    ///
    /// - Throws: ``ChannelDirectoryError``.
    func insert(_ channels: [NewChannel], replacing: Bool, actor: String) async throws
    /// Replaces the credential: new epoch, warning cleared, `recovered` told. False when there is no such channel.
    func replaceCredential(
        of id: ChannelID, tenantID: String?, with grant: NewGrant, actor: String
    ) async throws -> Bool
    func pause(_ id: ChannelID, tenantID: String?, actor: String) async throws -> Bool
    func resume(_ id: ChannelID, tenantID: String?, actor: String) async throws -> Bool
    /// Stops all use; the sealed credential goes at once with `purge`, with cleanup otherwise.
    func disconnect(_ id: ChannelID, tenantID: String?, purge: Bool, actor: String) async throws -> Bool
    /// The access token as stored, for `…/token`; nil for an unknown, foreign or disconnected channel.
    func token(of id: ChannelID, tenantID: String?) async throws -> StoredToken?
    /// Totals for `/status` and metrics, from counters.
    func totals() async throws -> ChannelTotals
}

/// What stands against an insert.
package enum ChannelDirectoryError: Error, Sendable, Equatable {
    /// Ids that exist already; at most 20 are named.
    case exists([ChannelID])
    /// A value the database refuses, with the sentence that says which.
    case refused(String)
}

/// An access token for an application.
package struct StoredToken: Sendable {
    package var channelID: ChannelID
    package var provider: String
    package var credential: Credential
    package var issuedAt: Date?
    package var expiresAt: Date?
    package var epoch: Int64
    package var status: ChannelStatus
    package var reason: WarningReason?
    package var databaseTime: Date

    package init(
        channelID: ChannelID, provider: String, credential: Credential, issuedAt: Date?, expiresAt: Date?,
        epoch: Int64, status: ChannelStatus, reason: WarningReason?, databaseTime: Date
    ) {
        self.channelID = channelID
        self.provider = provider
        self.credential = credential
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.epoch = epoch
        self.status = status
        self.reason = reason
        self.databaseTime = databaseTime
    }
}

/// How many channels there are of each kind.
package struct ChannelTotals: Sendable, Equatable {
    /// Of one provider.
    package struct Provider: Sendable, Equatable {
        package var counts: [ChannelStatus: Int]
        /// The soonest end of an active channel's access token.
        package var expiresAt: Date?

        package init(counts: [ChannelStatus: Int] = [:], expiresAt: Date? = nil) {
            self.counts = counts
            self.expiresAt = expiresAt
        }
    }

    package var providers: [String: Provider]
    /// Due for more than a minute and held by nobody; counted up to 10,000.
    package var overdue: Int
    package var nextDueAt: Date?
    package var databaseTime: Date

    package init(providers: [String: Provider], overdue: Int, nextDueAt: Date?, databaseTime: Date) {
        self.providers = providers
        self.overdue = overdue
        self.nextDueAt = nextDueAt
        self.databaseTime = databaseTime
    }

    package func count(_ status: ChannelStatus) -> Int {
        providers.values.reduce(0) { $0 + ($1.counts[status] ?? 0) }
    }
}
