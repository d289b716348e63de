import Domain
import Synchronization
import Testing

@Suite("Heartbeats")
struct HeartbeatsTests {
    final class HandClock: LocalClock {
        private let time = Mutex(ContinuousClock.now)
        var now: ContinuousClock.Instant { time.withLock { $0 } }
        func sleep(for duration: Duration) async throws { advance(duration) }
        func advance(_ duration: Duration) { time.withLock { $0 += duration } }
    }

    @Test func `each loop has the age of its last beat`() {
        let clock = HandClock()
        let beats = Heartbeats(clock: clock)
        beats.beat("b")
        clock.advance(.seconds(5))
        beats.beat("a")
        clock.advance(.seconds(2))
        #expect(beats.ages().map(\.loop) == ["a", "b"] && beats.ages().map(\.age) == [.seconds(2), .seconds(7)])
        beats.beat("b")
        #expect(beats.ages().map(\.age) == [.seconds(2), .zero])
        #expect(beats.times().map(\.loop) == ["a", "b"])
    }

    @Test func `a loop that ended on purpose is forgotten`() {
        let beats = Heartbeats(clock: HandClock())
        beats.beat("a")
        beats.end("a")
        beats.end("never")
        #expect(beats.ages().isEmpty && beats.times().isEmpty)
    }
}
