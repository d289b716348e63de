import Domain
import FoundationEssentials
import Jobs
import Logging
import Synchronization
import TestSupport
import Testing

@Suite("Job runner")
struct JobRunnerTests {
    private func runner(_ store: MemoryJobs, _ refresher: CountingRefresher, _ wake: WakeSignal) -> JobRunner {
        JobRunner(
            store: store, refresher: refresher, wake: wake, heartbeats: Heartbeats(),
            poll: .milliseconds(20), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Runs the runner until `isDone` holds.
    private func run(_ runner: JobRunner, until isDone: @escaping @Sendable () -> Bool) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await eventually("the job ends") { isDone() }
            group.cancelAll()
        }
    }

    @Test func `a job refreshes each of its channels once and ends`() async throws {
        let store = MemoryJobs(channels: (0..<100).map { ChannelID(rawValue: "c\(1000 + $0)") })
        let refresher = CountingRefresher()
        try await run(runner(store, refresher, WakeSignal())) { store.state == .completed }
        #expect(refresher.counts.count == 100 && refresher.counts.values.allSatisfy { $0 == 1 })
        #expect(store.processed == 100)
    }

    @Test func `a job whose worker died goes on after the last batch that was noted`() async throws {
        let store = MemoryJobs(
            channels: (0..<100).map { ChannelID(rawValue: "c\(1000 + $0)") }, cursor: "c1063", processed: 64)
        let refresher = CountingRefresher()
        try await run(runner(store, refresher, WakeSignal())) { store.state == .completed }
        #expect(refresher.counts.count == 36 && refresher.counts["c1063"] == nil)
        #expect(store.processed == 100)
    }

    @Test func `a cancelled job ends with its batch`() async throws {
        let store = MemoryJobs(channels: (0..<100).map { ChannelID(rawValue: "c\(1000 + $0)") })
        let refresher = CountingRefresher { store.cancel() }
        try await run(runner(store, refresher, WakeSignal())) { store.refusals == 1 }
        #expect(refresher.counts.count < 100)
        #expect(store.state == .cancelled && store.processed == 0)
    }

    @Test func `a refresh loop that stops leaves the job to others`() async throws {
        let store = MemoryJobs(channels: ["a"])
        let refresher = CountingRefresher(failure: true)
        try await run(runner(store, refresher, WakeSignal())) { refresher.calls == 1 }
        #expect(store.state == .active && store.processed == 0)
    }
}

private struct Stopping: Error {}

/// Counts how often each channel is refreshed.
private final class CountingRefresher: OnDemandRefreshing {
    private let seen = Mutex<(counts: [ChannelID: Int], calls: Int)>(([:], 0))
    private let failure: Bool
    private let onCall: @Sendable () -> Void

    init(failure: Bool = false, onCall: @escaping @Sendable () -> Void = {}) {
        self.failure = failure
        self.onCall = onCall
    }

    var counts: [ChannelID: Int] { seen.withLock { $0.counts } }
    var calls: Int { seen.withLock { $0.calls } }

    func refresh(_ channels: [ChannelID], _ options: RefreshOptions) async throws -> [RefreshReport] {
        seen.withLock { seen in
            seen.calls += 1
            for channel in channels { seen.counts[channel, default: 0] += 1 }
        }
        onCall()
        if failure { throw Stopping() }
        return channels.map { RefreshReport(channelID: $0, outcome: .renewed, reason: "renewed", message: "") }
    }
}

/// One job in memory.
private final class MemoryJobs: JobStore {
    private struct Row {
        var state = Job.State.waiting
        var cursor: ChannelID?
        var processed = 0
        var attempt: Int64 = 0
        var refusals = 0
    }

    private let channels: [ChannelID]
    private let row: Mutex<Row>

    init(channels: [ChannelID], cursor: ChannelID? = nil, processed: Int = 0) {
        self.channels = channels
        row = Mutex(Row(cursor: cursor, processed: processed))
    }

    var state: Job.State { row.withLock { $0.state } }
    var processed: Int { row.withLock { $0.processed } }
    var refusals: Int { row.withLock { $0.refusals } }
    func cancel() { row.withLock { $0.state = .cancelled } }

    func claimJob(lease: Duration) async throws -> JobClaim? {
        row.withLock { row in
            guard row.state == .waiting else { return nil }
            row.state = .active
            row.attempt += 1
            return JobClaim(jobID: "j", attempt: row.attempt, order: RefreshOrder(), actor: "test", cursor: row.cursor)
        }
    }

    func nextChannels(of claim: JobClaim, limit: Int) async throws -> [ChannelID] {
        Array(channels.filter { channel in claim.cursor.map { channel > $0 } ?? true }.prefix(limit))
    }

    func advanceJob(
        _ claim: JobClaim, past cursor: ChannelID, _ reports: [RefreshReport], lease: Duration
    ) async throws -> Bool {
        row.withLock { row in
            guard row.state == .active, row.attempt == claim.attempt else {
                row.refusals += 1
                return false
            }
            row.cursor = cursor
            row.processed += reports.count
            return true
        }
    }

    func finishJob(_ claim: JobClaim, as state: Job.State) async throws { row.withLock { $0.state = state } }
    func releaseJob(_ claim: JobClaim) async throws { row.withLock { $0.state = .waiting } }
    func insertJob(
        _ order: RefreshOrder, id: String, tenantID: String?, delay: Duration, actor: AuditActor
    ) async throws {}
    func job(_ id: String, tenantID: String?) async throws -> Job? { nil }
    func jobs(_ query: JobQuery) async throws -> [Job] { [] }
    func jobCounts(tenantID: String?) async throws -> [Job.State: Int] { [:] }
    func cancelJob(_ id: String, tenantID: String?, actor: AuditActor) async throws -> Job? { nil }
}
