package import FoundationEssentials

/// The database as the refresh loop sees it; each call is one transaction of PROTOCOL §4.
///
/// Every throwing call means: not known to be committed. Callers of ``complete`` repeat it until it returns.
package protocol RefreshStore: Sendable {
    /// Q1 + Q2: claims at most `limit` due rows of one provider (`limit` ≤ 500).
    func claimDue(provider: String, lease: Duration, limit: Int, excludingApps: [String]) async throws -> ClaimBatch
    /// Q1': claims these channels if nobody holds them.
    func claim(channels: [ChannelID], leases: [String: Duration]) async throws -> ClaimBatch
    /// Q1'': takes over rows whose lease ran out. Sets doubt unless the provider is of class free.
    func takeOver(provider: String, lease: Duration, free: Bool, limit: Int) async throws -> ClaimBatch
    /// Q3 with Q5, in one transaction; one result for each input, in order.
    func complete(_ successes: [StoredSuccess]) async throws -> [CompletionResult]
    /// Q4 with Q5, in one transaction; one result for each input, in order.
    func complete(_ failures: [StoredFailure]) async throws -> [CompletionResult]
    /// Q6: gives claims back without an outcome, due at the given time.
    func release(_ claims: [(key: ClaimKey, dueAt: Date)]) async throws
    /// The soonest due time of a provider's idle rows, and the database's time.
    func nextDue(providers: [String]) async throws -> (dueAt: Date?, databaseTime: Date)
    /// The current fence of channels, for journal entries that were not accepted (Q5).
    func fences(of channels: [ChannelID]) async throws -> [ChannelID: ChannelFence]
    /// Sets an app's state and, in the same transaction, writes the event of the change.
    func setApp(_ appID: String, state: AppState, reason: String, channel: ChannelID?) async throws
    /// States of all apps that are not `ok`.
    func troubledApps() async throws -> [String: AppStanding]
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
