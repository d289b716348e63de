import Domain
import FoundationEssentials
import Synchronization
import TestSupport

/// Counts how often each channel is refreshed.
final class CountingRefresher: OnDemandRefreshing {
    private struct Seen {
        var counts: [ChannelID: Int] = [:]
        var calls = 0
        var running = 0
        var mostAtOnce = 0
    }

    private let seen = Mutex(Seen())
    private let failure: (any Error)?
    private let failing: Set<Int>?
    private let gate: TestSignal?
    private let onCall: @Sendable () -> Void

    /// - Parameter failing: the calls that throw; all when nil.
    init(
        failure: (any Error)? = nil, failing: Set<Int>? = nil, waitingFor gate: TestSignal? = nil,
        onCall: @escaping @Sendable () -> Void = {}
    ) {
        self.failure = failure
        self.failing = failing
        self.gate = gate
        self.onCall = onCall
    }

    var counts: [ChannelID: Int] { seen.withLock { $0.counts } }
    var calls: Int { seen.withLock { $0.calls } }
    var mostAtOnce: Int { seen.withLock { $0.mostAtOnce } }

    func refresh(_ channels: [ChannelID], _ options: RefreshOptions) async throws -> [RefreshReport] {
        let call = seen.withLock { seen in
            seen.calls += 1
            seen.running += 1
            seen.mostAtOnce = max(seen.mostAtOnce, seen.running)
            return seen.calls - 1
        }
        defer { seen.withLock { $0.running -= 1 } }
        onCall()
        if let gate { try await gate.wait() }
        if let failure, failing?.contains(call) ?? true { throw failure }
        seen.withLock { seen in for channel in channels { seen.counts[channel, default: 0] += 1 } }
        return channels.map { RefreshReport(channelID: $0, outcome: .renewed, reason: "renewed", message: "") }
    }
}

/// Seven rows to clean in every step.
final class CountingCleanup: CleanupStore {
    private let steps = Mutex<(counted: [CleanupStep], cleaned: [CleanupStep])>(([], []))

    var counted: [CleanupStep] { steps.withLock { $0.counted } }
    var cleaned: [CleanupStep] { steps.withLock { $0.cleaned } }

    func countForCleanup(_ step: CleanupStep, _ policy: CleanupPolicy) async throws -> Int {
        steps.withLock { $0.counted.append(step) }
        return 7
    }

    func clean(_ step: CleanupStep, _ policy: CleanupPolicy) async throws -> Int {
        steps.withLock { $0.cleaned.append(step) }
        return 7
    }
}

/// One job in memory, or several alike that share everything but their claims.
final class MemoryJobs: JobStore {
    private struct Row {
        var state = Job.State.waiting
        var cursor: ChannelID?
        var processed = 0
        var attempt: Int64 = 0
        var claims = 0
        var holds = 0
        var tries = 0
        var refusals = 0
        var failedTries: [(sentence: String, delay: Duration?)] = []
        var releases: [Duration] = []
        var report: CleanupReport?
        var pruned: [String?] = []
    }

    private let channels: [ChannelID]
    private let work: JobWork
    /// More than one: claims that are given out whatever the state is.
    private let copies: Int?
    private let row: Mutex<Row>

    init(
        channels: [ChannelID], cursor: ChannelID? = nil, processed: Int = 0, work: JobWork = .refresh(RefreshOrder()),
        copies: Int? = nil
    ) {
        self.channels = channels
        self.work = work
        self.copies = copies
        row = Mutex(Row(cursor: cursor, processed: processed))
    }

    var state: Job.State { row.withLock { $0.state } }
    var processed: Int { row.withLock { $0.processed } }
    var claims: Int { row.withLock { $0.claims } }
    var holds: Int { row.withLock { $0.holds } }
    var refusals: Int { row.withLock { $0.refusals } }
    var failedTries: [(sentence: String, delay: Duration?)] { row.withLock { $0.failedTries } }
    var releases: [Duration] { row.withLock { $0.releases } }
    var report: CleanupReport? { row.withLock { $0.report } }
    var pruned: [String?] { row.withLock { $0.pruned } }
    func cancel() { row.withLock { $0.state = .cancelled } }

    func claimJob(lease: Duration) async throws -> JobClaim? {
        row.withLock { row in
            guard copies.map({ row.claims < $0 }) ?? (row.state == .waiting) else { return nil }
            row.state = .active
            row.attempt += 1
            row.claims += 1
            return JobClaim(
                jobID: "j\(row.claims)", tenantID: "acme", attempt: row.attempt, work: work, actor: "test",
                cursor: row.cursor, tries: row.tries)
        }
    }

    func holdJob(_ claim: JobClaim, lease: Duration) async throws -> Bool {
        row.withLock { row in
            guard row.state == .active, row.attempt == claim.attempt else {
                row.refusals += 1
                return false
            }
            row.holds += 1
            return true
        }
    }

    func nextChannels(of claim: JobClaim, limit: Int) async throws -> [ChannelID] {
        Array(channels.filter { channel in claim.cursor.map { channel > $0 } ?? true }.prefix(limit))
    }

    func advanceJob(
        _ claim: JobClaim, past cursor: ChannelID, _ reports: [RefreshReport], lease: Duration
    ) async throws -> Bool {
        row.withLock { row in
            guard row.state == .active, copies != nil || row.attempt == claim.attempt else {
                row.refusals += 1
                return false
            }
            if copies == nil { row.cursor = cursor }
            row.processed += reports.count
            row.tries = 0
            return true
        }
    }

    func finishJob(_ claim: JobClaim, cleanup: CleanupReport?) async throws {
        row.withLock { row in
            if row.state == .active, copies == nil || copies == 1 { row.state = .completed }
            row.report = cleanup
        }
    }

    func noteFailedTry(of claim: JobClaim, because sentence: String, retryAfter delay: Duration?) async throws {
        row.withLock { row in
            row.failedTries.append((sentence, delay))
            row.tries += 1
            row.state = delay == nil ? .failed : .waiting
        }
    }

    func releaseJob(_ claim: JobClaim, delay: Duration) async throws {
        row.withLock { row in
            guard row.state == .active else { return }
            row.state = .waiting
            row.releases.append(delay)
        }
    }

    func pruneJobs(ofTenant tenantID: String?, keeping: JobRetention) async throws {
        row.withLock { $0.pruned.append(tenantID) }
    }

    func insertJob(
        _ work: JobWork, id: String, tenantID: String?, delay: Duration, actor: AuditActor
    ) async throws {}
    func job(_ id: String, tenantID: String?) async throws -> Job? { nil }
    func jobs(_ query: JobQuery) async throws -> [Job] { [] }
    func jobCounts(tenantID: String?) async throws -> [Job.State: Int] { [:] }
    func cancelJob(_ id: String, tenantID: String?, actor: AuditActor) async throws -> Job? { nil }
}
