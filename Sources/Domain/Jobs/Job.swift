package import FoundationEssentials

/// A piece of work that outlives the request that asked for it (DESIGN §3.5 "Job").
package struct Job: Sendable, Equatable {
    package enum State: String, Sendable, CaseIterable {
        case waiting, delayed, active, completed, failed, cancelled

        package var isFinished: Bool { self == .completed || self == .failed || self == .cancelled }
    }

    package static let resultsMax = 1000

    package var id: String
    package var kind: JobWork.Kind
    package var state: State
    /// Nil: a superadmin's.
    package var tenantID: String?
    /// Channels of a refresh, rows of a cleanup.
    package var processed: Int
    package var total: Int?
    package var succeeded: Int
    package var failed: Int
    package var skipped: Int
    /// At most ``resultsMax``: the first ones.
    package var results: [RefreshReport]
    /// What a cleanup removed, or would remove.
    package var cleanup: CleanupReport?
    /// Why its last try ended early; a sentence.
    package var error: String?
    package var createdAt: Date
    package var runAt: Date
    package var finishedAt: Date?

    package init(
        id: String, kind: JobWork.Kind = .refresh, state: State, tenantID: String?, processed: Int, total: Int?,
        succeeded: Int, failed: Int, skipped: Int, results: [RefreshReport], cleanup: CleanupReport? = nil,
        error: String? = nil, createdAt: Date, runAt: Date, finishedAt: Date?
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
        self.cleanup = cleanup
        self.error = error
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
    package var tenantID: String?
    /// Grows at every claim: the fence of what the claim writes.
    package var attempt: Int64
    package var work: JobWork
    package var actor: String
    /// The last channel that is done; nil at the beginning.
    package var cursor: ChannelID?
    /// Tries that threw since the last progress.
    package var tries: Int

    package init(
        jobID: String, tenantID: String? = nil, attempt: Int64, work: JobWork, actor: String, cursor: ChannelID?,
        tries: Int = 0
    ) {
        self.jobID = jobID
        self.tenantID = tenantID
        self.attempt = attempt
        self.work = work
        self.actor = actor
        self.cursor = cursor
        self.tries = tries
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

/// How many finished jobs of a tenant are kept, the newest.
package struct JobRetention: Sendable, Equatable {
    package var completed: Int
    /// Also of cancelled ones, by themselves.
    package var failed: Int

    package init(completed: Int = 10, failed: Int = 50) {
        self.completed = completed
        self.failed = failed
    }
}

/// Durable jobs; a `tenantID` limits every answer to that tenant's.
package protocol JobStore: Sendable {
    /// - Parameter delay: before it may begin.
    func insertJob(_ work: JobWork, id: String, tenantID: String?, delay: Duration, actor: AuditActor) async throws
    func job(_ id: String, tenantID: String?) async throws -> Job?
    /// Newest first.
    func jobs(_ query: JobQuery) async throws -> [Job]
    /// How many there are in each state.
    func jobCounts(tenantID: String?) async throws -> [Job.State: Int]
    /// Nil: there is no such job. One that is finished stays as it is.
    func cancelJob(_ id: String, tenantID: String?, actor: AuditActor) async throws -> Job?
    /// Takes the job that has waited longest, or one whose worker is gone.
    func claimJob(lease: Duration) async throws -> JobClaim?
    /// Holds a job for another lease. False: cancelled, or somebody else's by now.
    func holdJob(_ claim: JobClaim, lease: Duration) async throws -> Bool
    /// The next channels of a claimed job, in order of id; at most `limit`. Sets the total the first time.
    func nextChannels(of claim: JobClaim, limit: Int) async throws -> [ChannelID]
    /// Notes what is done and holds the job for another lease. False: cancelled, or somebody else's by now.
    func advanceJob(_ claim: JobClaim, past cursor: ChannelID, _ reports: [RefreshReport], lease: Duration) async throws
        -> Bool
    /// Ends a job as completed.
    func finishJob(_ claim: JobClaim, cleanup: CleanupReport?) async throws
    /// Notes that a try threw.
    ///
    /// - Parameter delay: before the next try; nil when the job has failed for good.
    func noteFailedTry(of claim: JobClaim, because sentence: String, retryAfter delay: Duration?) async throws
    /// Gives a job back, to be gone on with by anybody after `delay`.
    func releaseJob(_ claim: JobClaim, delay: Duration) async throws
    /// Removes a tenant's finished jobs beyond those that are kept; those of the last seconds stay for who waits for them.
    func pruneJobs(ofTenant tenantID: String?, keeping: JobRetention) async throws
}
