import Domain
import Synchronization
import Testing

@Suite("Wake signal")
struct WakeSignalTests {
    /// Never wakes by itself.
    struct EndlessClock: LocalClock {
        var now: ContinuousClock.Instant { .now }
        func sleep(for duration: Duration) async throws {
            let forever = AsyncStream<Void>.makeStream()
            for await _ in forever.stream {}
            try Task.checkCancellation()
        }
    }

    /// Every sleep is over at once.
    struct HastyClock: LocalClock {
        var now: ContinuousClock.Instant { .now }
        func sleep(for duration: Duration) async throws { try Task.checkCancellation() }
    }

    final class Count: Sendable {
        private let value = Mutex(0)
        var now: Int { value.withLock { $0 } }
        func add() { value.withLock { $0 += 1 } }
    }

    @Test func `a signal before the wait is kept`() async {
        let signal = WakeSignal()
        signal.send()
        await signal.next()
    }

    @Test func `several signals are one`() async {
        let signal = WakeSignal()
        for _ in 0..<5 { signal.send() }
        await signal.next()
        await signal.wait(atMost: .seconds(1), clock: HastyClock())
    }

    @Test func `a signal ends a wait before its time`() async {
        let signal = WakeSignal()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await signal.wait(atMost: .seconds(1_000_000), clock: EndlessClock()) }
            signal.send()
        }
    }

    @Test func `time ends a wait without a signal`() async {
        await WakeSignal().wait(atMost: .seconds(1_000_000), clock: HastyClock())
    }

    @Test func `a cancelled task does not wait`() async {
        let signal = WakeSignal()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await signal.next() }
            group.cancelAll()
        }
    }

    @Test func `no signal is lost between many senders and one waiter`() async {
        let signal = WakeSignal()
        let sent = Count()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<1000 {
                group.addTask {
                    sent.add()
                    signal.send()
                }
            }
            group.addTask { while sent.now < 1000 { await signal.next() } }
        }
        #expect(sent.now == 1000)
    }
}
