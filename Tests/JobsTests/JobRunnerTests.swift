import Domain
import FoundationEssentials
import Logging
import TestSupport
import Testing

@testable import Jobs

@Suite("Job runner", .timeLimit(.minutes(2)))
struct JobRunnerTests {
    private static let channels = (0..<100).map { ChannelID(rawValue: "c\(1000 + $0)") }

    private func runner(
        _ store: MemoryJobs, _ refresher: CountingRefresher, clock: any LocalClock = SystemClock(),
        cleanups: CountingCleanup = CountingCleanup(), concurrency: Int = 3, wake: WakeSignal = WakeSignal()
    ) -> JobRunner {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return JobRunner(
            store: store, refresher: refresher,
            cleaner: Cleaner(store: cleanups, policy: CleanupPolicy(), logger: logger), concurrency: concurrency,
            wake: wake, heartbeats: Heartbeats(), clock: clock, poll: .milliseconds(20), logger: logger)
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
        let store = MemoryJobs(channels: Self.channels)
        let refresher = CountingRefresher()
        try await run(runner(store, refresher)) { store.state == .completed }
        #expect(refresher.counts.count == 100 && refresher.counts.values.allSatisfy { $0 == 1 })
        #expect(store.processed == 100)
    }

    @Test func `a job whose worker died goes on after the last batch that was noted`() async throws {
        let store = MemoryJobs(channels: Self.channels, cursor: "c1063", processed: 64)
        let refresher = CountingRefresher()
        try await run(runner(store, refresher)) { store.state == .completed }
        #expect(refresher.counts.count == 36 && refresher.counts["c1063"] == nil)
        #expect(store.processed == 100)
    }

    @Test func `a cancelled job ends with its batch`() async throws {
        let store = MemoryJobs(channels: Self.channels)
        let refresher = CountingRefresher { store.cancel() }
        try await run(runner(store, refresher)) { store.refusals == 1 }
        #expect(refresher.counts.count < 100)
        #expect(store.state == .cancelled && store.processed == 0)
    }

    @Test func `a refresh loop that stops leaves the job to others, and no try is counted`() async throws {
        let store = MemoryJobs(channels: ["a"])
        let refresher = CountingRefresher(failure: NotTaken())
        await runner(store, refresher).work(on: try #require(try await store.claimJob(lease: .seconds(1))))
        #expect(store.state == .waiting && store.processed == 0 && store.failedTries.isEmpty)
        #expect(store.releases == [.seconds(1)])
    }

    @Test func `a job whose work throws is tried three times, each later than the one before`() async throws {
        let store = MemoryJobs(channels: ["a"])
        let refresher = CountingRefresher(failure: Broken())
        try await run(runner(store, refresher)) { store.state == .failed }
        #expect(refresher.calls == 3)
        #expect(store.failedTries.map(\.delay) == [.seconds(10), .seconds(20), nil])
        #expect(store.failedTries.allSatisfy { $0.sentence.contains("broken on purpose") })
    }

    @Test func `progress makes the tries new`() async throws {
        let store = MemoryJobs(channels: Self.channels)
        // The first two batches throw twice each, and are taken at the third try.
        let refresher = CountingRefresher(failure: Broken(), failing: [0, 1, 3, 4])
        try await run(runner(store, refresher)) { store.state == .completed }
        #expect(store.processed == 100 && store.failedTries.map(\.delay) == [10, 20, 10, 20].map { .seconds($0) })
    }

    @Test func `a long batch holds its job, and work on a lost job ends`() async throws {
        let clock = ManualClock()
        let store = MemoryJobs(channels: ["a"])
        let gate = TestSignal()
        let refresher = CountingRefresher(waitingFor: gate)
        let runner = runner(store, refresher, clock: clock)
        let claim = try #require(try await store.claimJob(lease: .seconds(30)))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await runner.work(on: claim) }
            for held in 1...3 {
                await clock.waitForSleepers()
                clock.advance(by: JobRunner.lease / 3)
                try await eventually("the job is held") { store.holds == held }
            }
            store.cancel()
            await clock.waitForSleepers()
            clock.advance(by: JobRunner.lease / 3)
            try await eventually("the loss is seen") { store.refusals == 1 }
            // What waits for a provider is let go of.
            try await group.waitForAll()
        }
        #expect(store.state == .cancelled && store.processed == 0)
    }

    @Test func `no more jobs are worked on at a time than is allowed`() async throws {
        let gate = TestSignal()
        let refresher = CountingRefresher(waitingFor: gate)
        let store = MemoryJobs(channels: ["a"], copies: 10)
        try await withThrowingTaskGroup(of: Void.self) { group in
            let runner = runner(store, refresher, concurrency: 3)
            group.addTask { try await runner.run() }
            try await eventually("three jobs run") { refresher.calls == 3 }
            #expect(store.claims == 3)
            for _ in 0..<10 { gate.send() }
            try await eventually("all jobs ran") { refresher.calls == 10 }
            group.cancelAll()
        }
        #expect(refresher.mostAtOnce <= 3)
    }

    @Test(arguments: [true, false])
    func `a cleanup goes through every step, or counts it`(_ isDryRun: Bool) async throws {
        let cleanups = CountingCleanup()
        let store = MemoryJobs(channels: [], work: .cleanup(dryRun: isDryRun))
        try await run(runner(store, CountingRefresher(), cleanups: cleanups)) { store.state == .completed }
        #expect(store.report?.counts.count == CleanupStep.allCases.count && store.report?.total == 6 * 7)
        #expect(cleanups.counted == (isDryRun ? CleanupStep.allCases : []))
        #expect(cleanups.cleaned == (isDryRun ? [] : CleanupStep.allCases))
    }

    @Test func `finished jobs are pruned a while after their end`() async throws {
        let clock = ManualClock()
        let store = MemoryJobs(channels: [], copies: 1)
        let wake = WakeSignal()
        let runner = runner(store, CountingRefresher(), clock: clock, wake: wake)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await eventually("the job ends") { store.state == .completed }
            #expect(store.pruned.isEmpty)
            clock.advance(by: .seconds(4))
            try await eventually("jobs are pruned") {
                clock.advance(by: .milliseconds(20))
                return store.pruned == ["acme"]
            }
            group.cancelAll()
            wake.send()
        }
    }
}

struct NotTaken: RefreshNotTaken {}

struct Broken: Error, CustomStringConvertible {
    var description: String { "It is broken on purpose." }
}
