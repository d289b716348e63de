package import FoundationEssentials

/// The database as the refresh loop sees it; each call is one transaction of PROTOCOL §4.
///
/// Every throwing call means: not known to be committed. Callers of `complete` repeat it until it returns.
package protocol RefreshStore: Sendable {
    /// Q1 + Q2: claims at most `limit` due rows of one provider (`limit` ≤ 500).
    func claimDue(provider: String, lease: Duration, limit: Int, excludingApps: [String]) async throws -> ClaimBatch
    /// Q1': claims these channels if nobody holds them.
    func claim(channels: [ChannelID], leases: [String: Duration]) async throws -> ClaimBatch
    /// Which of the providers have a row whose lease ran out: those worth a ``takeOver(provider:lease:free:limit:)``.
    func orphaned(among providers: [String]) async throws -> [String]
    /// Q1'': takes over rows whose lease ran out. Sets doubt unless the provider is of class free.
    func takeOver(provider: String, lease: Duration, free: Bool, limit: Int) async throws -> ClaimBatch
    /// Q3 with Q5, in one transaction; one result for each input, in order.
    func complete(_ successes: [StoredSuccess]) async throws -> [CompletionResult]
    /// Q4 with Q5, in one transaction; one result for each input, in order.
    func complete(_ failures: [StoredFailure]) async throws -> [CompletionResult]
    /// Notes what inspections said, in one transaction; one result for each input, in order.
    func complete(_ inspections: [StoredInspection]) async throws -> [CompletionResult]
    /// Q6: gives claims back without an outcome, due at the given time; nil parks again.
    func release(_ claims: [(key: ClaimKey, dueAt: Date?)]) async throws
    /// Which of the providers have an idle row due by now, when the soonest of the others is, and the database's time.
    func due(providers: [String], excludingApps: [String]) async throws -> DueProviders
    /// Channels as they stand, for refreshes on demand; unknown ids are left out.
    func snapshots(of channels: [ChannelID]) async throws -> [ChannelSnapshot]
    /// The current fence of channels: why a pair was not accepted (Q5).
    func fences(of channels: [ChannelID]) async throws -> [ChannelID: ChannelFence]
    /// Sets an app's state and, in the same transaction, writes the events of the change.
    ///
    /// - Parameter channel: whose answer decided; its tenant and provider name the app's.
    func setApp(_ appID: String, state: AppState, reason: String, channel: ChannelID?) async throws
    /// Takes the turn to probe a paused or suspect app when it is due (`probe_at`), for all replicas; the channel to
    /// try, or nil when it is not this replica's turn. Best is the most recently renewed channel of another tenant than
    /// `excluding`, then of the same.
    func takeProbe(of appID: String, every interval: Duration, excluding: ChannelID?) async throws -> ChannelID?
    /// Apps that are not `ok`, whose verdicts are held, or whose hold ended less than an hour ago.
    func troubledApps() async throws -> [String: AppStanding]
    /// How many tenants have channels in use with the app, counted up to two.
    func tenants(of appID: String) async throws -> Int
    /// Begins to hold the app's verdicts and writes the event, unless that is so or was so within the last hour.
    ///
    /// - Parameters:
    ///   - wait: until the first canaries.
    ///   - channel: whose answer decided.
    func holdVerdicts(of appID: String, canariesAfter wait: Duration, channel: ChannelID) async throws
    /// Takes the turn to look at an app whose verdicts are held, for all replicas.
    func takeHoldTurn(of appID: String, every interval: Duration, atMost limit: Duration) async throws -> HoldTurn
    /// Ends the hold, writes the event, and makes the denied channels due.
    func releaseVerdicts(of appID: String, because sentence: String) async throws
}

/// Where there is work (see ``RefreshStore/due(providers:excludingApps:)``).
package struct DueProviders: Sendable, Equatable {
    package var due: [String]
    package var next: Date?
    package var databaseTime: Date

    package init(due: [String], next: Date?, databaseTime: Date) {
        self.due = due
        self.next = next
        self.databaseTime = databaseTime
    }
}

/// What is to be done about an app whose verdicts are held.
package enum HoldTurn: Sendable, Equatable {
    /// Another replica's turn, or nothing is held.
    case none
    /// Try these, one denied channel of each tenant, at most 200; none: nobody waits any more.
    case canaries([ChannelID])
    /// Held for as long as may be.
    case overdue
}

/// A fence row, read for a decision that does not write.
package struct ChannelFence: Sendable, Equatable {
    package var grantID: Int64
    package var attempt: Int64
    package var written: Int64
    package var status: ChannelStatus

    package init(grantID: Int64, attempt: Int64, written: Int64, status: ChannelStatus) {
        self.grantID = grantID
        self.attempt = attempt
        self.written = written
        self.status = status
    }
}
