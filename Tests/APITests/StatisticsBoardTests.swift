import API
import Domain
import Synchronization
import TestSupport
import Testing

@Suite("Statistics board")
struct StatisticsBoardTests {
    @Test func `an answer serves for twenty times as long as it took`() async throws {
        let clock = ManualClock()
        let source = SlowSource(clock: clock, takes: .milliseconds(100))
        let board = StatisticsBoard(source: source, clock: clock)
        #expect(try await board.statistics(tenantID: nil).total.channels == 1)
        clock.advance(by: .milliseconds(1_900))
        #expect(try await board.statistics(tenantID: nil).total.channels == 1)
        #expect(try await board.statistics(tenantID: "acme").total.channels == 2)
        clock.advance(by: .milliseconds(200))
        #expect(try await board.statistics(tenantID: nil).total.channels == 3)
    }

    @Test func `however long it took, an answer serves for a minute at most`() async throws {
        let clock = ManualClock()
        let board = StatisticsBoard(source: SlowSource(clock: clock, takes: .seconds(600)), clock: clock)
        _ = try await board.statistics(tenantID: nil)
        clock.advance(by: .seconds(61))
        #expect(try await board.statistics(tenantID: nil).total.channels == 2)
    }

    @Test func `those who ask at once are counted for once, and a failure is not kept`() async throws {
        let gate = TestSignal()
        let source = SlowSource(clock: ManualClock(), takes: .zero, gate: gate)
        let board = StatisticsBoard(source: source, clock: ManualClock())
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<10 { group.addTask { try await board.statistics(tenantID: nil).total.channels } }
            try await eventually("somebody counts") { source.calls == 1 }
            gate.send()
            var answers: [Int] = []
            while let answer = try await group.next() {
                answers.append(answer)
                // Whoever came too late to wait with the others counts anew.
                gate.send()
            }
            #expect(answers.count == 10)
        }
        source.isBroken = true
        gate.send()
        await #expect(throws: SlowSource.Broken.self) { try await board.statistics(tenantID: "x") }
        source.isBroken = false
        gate.send()
        _ = try await board.statistics(tenantID: "x")
    }
}

/// Answers with how often it was asked.
private final class SlowSource: StatisticsSource {
    struct Broken: Error {}

    private let state = Mutex((calls: 0, isBroken: false))
    private let clock: ManualClock
    private let takes: Duration
    private let gate: TestSignal?

    init(clock: ManualClock, takes: Duration, gate: TestSignal? = nil) {
        self.clock = clock
        self.takes = takes
        self.gate = gate
    }

    var calls: Int { state.withLock { $0.calls } }
    var isBroken: Bool {
        get { state.withLock { $0.isBroken } }
        set { state.withLock { $0.isBroken = newValue } }
    }

    func statistics(tenantID: String?) async throws -> RefreshStatistics {
        let call = state.withLock { state in
            state.calls += 1
            return state.calls
        }
        try await gate?.wait()
        clock.advance(by: takes)
        if isBroken { throw Broken() }
        return RefreshStatistics(total: .init(channels: call))
    }
}
