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
    func insert(_ channels: [NewChannel], replacing: Bool, actor: AuditActor) async throws
    /// Replaces the credential: new epoch, warning cleared, `recovered` told. False when there is no such channel.
    func replaceCredential(
        of id: ChannelID, tenantID: String?, with grant: NewGrant, actor: AuditActor
    ) async throws -> Bool
    func pause(_ id: ChannelID, tenantID: String?, actor: AuditActor) async throws -> Bool
    func resume(_ id: ChannelID, tenantID: String?, actor: AuditActor) async throws -> Bool
    /// Stops all use; the sealed credential goes at once with `purge`, with cleanup otherwise.
    ///
    /// - Returns: what was stored until now, for revocation; nil when there is no such channel.
    func disconnect(
        _ id: ChannelID, tenantID: String?, purge: Bool, actor: AuditActor
    ) async throws -> Disconnection?
    /// The access token as stored, for `…/token`; nil for an unknown, foreign or disconnected channel.
    func token(of id: ChannelID, tenantID: String?) async throws -> StoredToken?
    /// Totals for `/status` and metrics, from counters.
    func totals() async throws -> ChannelTotals
}

/// One channel in depth, for administration.
package protocol ChannelAdministration: ChannelDirectory {
    /// Changes who a channel is. False when there is no such channel.
    func change(_ id: ChannelID, tenantID: String?, _ change: ChannelChange, actor: AuditActor) async throws -> Bool
    /// The channel as a refresh would find it; nil for an unknown or foreign one.
    func snapshot(of id: ChannelID, tenantID: String?) async throws -> ChannelSnapshot?
    /// Nil for an unknown, foreign or disconnected channel.
    func grant(of id: ChannelID, tenantID: String?) async throws -> StoredGrant?
    /// Whether another connected channel uses one of these apps.
    func isShared(apps: [String], besides id: ChannelID) async throws -> Bool
    /// Newest first; nil for an unknown or foreign channel.
    func history(of id: ChannelID, tenantID: String?, _ query: HistoryQuery) async throws -> [HistoryEntry]?
    /// A line of the channel's history about something that changed no row of it.
    func note(_ outcome: String, message: String, of id: ChannelID, actor: AuditActor) async throws
    /// Takes a consumer's report of a rejected token; nil for an unknown, foreign or disconnected channel.
    func takeReport(of id: ChannelID, tenantID: String?, epoch: Int64) async throws -> ReportStanding?
    /// Adds to the counters of token reads.
    func add(_ reads: [TokenReads]) async throws
    /// The most recent readers first, at most 100.
    func reads(of id: ChannelID) async throws -> [TokenReads]
}

/// A channel that was just disconnected.
package struct Disconnection: Sendable {
    /// Nil when it was disconnected before, or its credential does not open.
    package var grant: StoredGrant?

    package init(grant: StoredGrant?) {
        self.grant = grant
    }
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
