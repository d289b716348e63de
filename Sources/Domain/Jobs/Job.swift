package import FoundationEssentials

/// Which channels a refresh by list or filter takes, and how.
package struct RefreshOrder: Sendable, Equatable, Codable {
    package var tenantID: String?
    package var userID: String?
    package var provider: String?
    /// Nil: all that match.
    package var channelIDs: [ChannelID]?
    package var force: Bool
    package var retryDead: Bool
    package var dryRun: Bool

    package init(
        tenantID: String? = nil, userID: String? = nil, provider: String? = nil, channelIDs: [ChannelID]? = nil,
        force: Bool = false, retryDead: Bool = false, dryRun: Bool = false
    ) {
        self.tenantID = tenantID
        self.userID = userID
        self.provider = provider
        self.channelIDs = channelIDs
        self.force = force
        self.retryDead = retryDead
        self.dryRun = dryRun
    }

    package var filter: ChannelFilter { ChannelFilter(tenantID: tenantID, userID: userID, provider: provider) }
}

/// A piece of work that outlives the request that asked for it (DESIGN §3.5 "Job").
package struct Job: Sendable, Equatable {
    package enum State: String, Sendable, CaseIterable {
        case waiting, delayed, active, completed, failed, cancelled

        package var isFinished: Bool { self == .completed || self == .failed || self == .cancelled }
    }

    package static let resultsMax = 1000

    package var id: String
    /// `refresh`.
    package var kind: String
    package var state: State
    /// Nil: a superadmin's.
    package var tenantID: String?
    package var processed: Int
    package var total: Int?
    package var succeeded: Int
    package var failed: Int
    package var skipped: Int
    /// At most ``resultsMax``: the first ones.
    package var results: [RefreshReport]
    package var createdAt: Date
    package var runAt: Date
    package var finishedAt: Date?

    package init(
        id: String, kind: String = "refresh", state: State, tenantID: String?, processed: Int, total: Int?,
        succeeded: Int, failed: Int, skipped: Int, results: [RefreshReport], createdAt: Date, runAt: Date,
        finishedAt: Date?
    ) {
        self.id = id
        self.kind = kind
        self.state = state
        self.tenantID = tenantID
        self.processed = processed
        self.total = total
        self.succeeded = succeeded
        self.failed = failed
        self.skipped = skipped
        self.results = results
        self.createdAt = createdAt
        self.runAt = runAt
        self.finishedAt = finishedAt
    }

    /// A new id: `job_` and 20 random characters.
    package static func generatedID() -> String { "job_" + ChannelID.generated().rawValue.dropFirst(3) }
}

/// A job this process works on until its lease ends; nobody else does meanwhile.
package struct JobClaim: Sendable, Equatable {
    package var jobID: String
    /// Grows at every claim: the fence of what the claim writes.
    package var attempt: Int64
    package var order: RefreshOrder
    package var actor: String
    /// The last channel that is done; nil at the beginning.
    package var cursor: ChannelID?

    package init(jobID: String, attempt: Int64, order: RefreshOrder, actor: String, cursor: ChannelID?) {
        self.jobID = jobID
        self.attempt = attempt
        self.order = order
        self.actor = actor
        self.cursor = cursor
    }
}

package struct JobQuery: Sendable, Equatable {
    package var tenantID: String?
    package var state: Job.State?
    /// The last id of the page before.
    package var before: String?
    /// At most 501.
    package var limit: Int

    package init(tenantID: String? = nil, state: Job.State? = nil, before: String? = nil, limit: Int = 100) {
        self.tenantID = tenantID
        self.state = state
        self.before = before
        self.limit = limit
    }
}

/// Durable jobs; a `tenantID` limits every answer to that tenant's.
package protocol JobStore: Sendable {
    /// - Parameter delay: before it may begin.
    func insertJob(
        _ order: RefreshOrder, id: String, tenantID: String?, delay: Duration, actor: AuditActor
    ) async throws
    func job(_ id: String, tenantID: String?) async throws -> Job?
    /// Newest first.
    func jobs(_ query: JobQuery) async throws -> [Job]
    /// How many there are in each state.
    func jobCounts(tenantID: String?) async throws -> [Job.State: Int]
    /// Nil: there is no such job. One that is finished stays as it is.
    func cancelJob(_ id: String, tenantID: String?, actor: AuditActor) async throws -> Job?
    /// Takes the job that has waited longest, or one whose worker is gone.
    func claimJob(lease: Duration) async throws -> JobClaim?
    /// The next channels of a claimed job, in order of id; at most `limit`. Sets the total the first time.
    func nextChannels(of claim: JobClaim, limit: Int) async throws -> [ChannelID]
    /// Notes what is done and holds the job for another lease. False: cancelled, or somebody else's by now.
    func advanceJob(_ claim: JobClaim, past cursor: ChannelID, _ reports: [RefreshReport], lease: Duration) async throws
        -> Bool
    func finishJob(_ claim: JobClaim, as state: Job.State) async throws
    /// Gives a job back, to be gone on with by anybody.
    func releaseJob(_ claim: JobClaim) async throws
}
