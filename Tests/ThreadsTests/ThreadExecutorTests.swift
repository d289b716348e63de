import Dispatch
import FoundationEssentials
import Glibc
import Testing

@testable import Threads

/// Notes the thread of each call and counts without a lock: only the executor keeps it right.
private actor Counter {
    private let executor = ThreadExecutor(name: "counter-thread-with-a-long-name")
    private(set) var count = 0
    private(set) var threads: Set<UInt> = []

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    isolated deinit { executor.stop() }

    func add() {
        count += 1
        threads.insert(UInt(pthread_self()))
    }

    func wait(for semaphore: DispatchSemaphore) { semaphore.wait() }

    nonisolated func assertIsolatedHere() { assertIsolated() }

    func assertFromInside() { assertIsolatedHere() }

    func stop() { executor.stop() }
}

@Suite struct `Thread executor` {
    @Test func `jobs of many tasks run one after another on one thread`() async {
        let counter = Counter()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<1000 { group.addTask { await counter.add() } }
        }
        #expect(await counter.count == 1000)
        #expect(await counter.threads.count == 1)
    }

    @Test func `a blocked actor does not hold up other tasks`() async {
        let semaphores = (0..<8).map { _ in DispatchSemaphore(value: 0) }
        await withTaskGroup(of: Void.self) { group in
            for semaphore in semaphores {
                let actor = Counter()
                group.addTask { await actor.wait(for: semaphore) }
            }
            // On a pool of two or four threads this task would never run while eight block.
            group.addTask { for semaphore in semaphores { semaphore.signal() } }
        }
    }

    @Test func `the thread counts as the actor's isolation`() async {
        await Counter().assertFromInside()
    }

    @Test func `a call after the stop still runs`() async {
        let counter = Counter()
        await counter.stop()
        for _ in 0..<100 { await counter.add() }
        #expect(await counter.count == 100)
    }

    @Test func `dropped actors leave no thread behind`() async throws {
        func threadCount() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count
        }
        for _ in 0..<200 { await Counter().add() }
        // Threads end shortly after the actor; other tests run their own beside.
        var left = try threadCount()
        for _ in 0..<1000 where left > 60 {
            sched_yield()
            left = try threadCount()
        }
        #expect(left < 100)
    }
}

@Suite struct `Blocking work` {
    private struct Failure: Error, Equatable {}

    @Test func `returns its value from another thread`() async {
        let here = UInt(pthread_self())
        let there = await onThread(named: "test") { UInt(pthread_self()) }
        #expect(here != there)
    }

    @Test func `throws its error`() async {
        await #expect(throws: Failure()) {
            try await onThread(named: "test") { () throws -> Int in throw Failure() }
        }
    }
}
