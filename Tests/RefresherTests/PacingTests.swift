import Domain
import FoundationEssentials
import Testing

@testable import Refresher

@Suite("Pacing")
struct PacingTests {
    @Test func `one refusal pauses a provider shortly, three in a row as long as it asks`() {
        let clock = Simulation()
        let pacing = Pacing(clock: clock)
        pacing.note(.limited(retryAfter: .seconds(600)), of: "a", random: 0)
        #expect(pacing.allowance(for: "a") == 0 && pacing.allowance(for: "b") == .max)
        #expect(pacing.limit(of: "a") == .seconds(30))
        pacing.note(.limited(retryAfter: .seconds(600)), of: "a", random: 0)
        pacing.note(.limited(retryAfter: .seconds(600)), of: "a", random: 0)
        #expect(pacing.limit(of: "a") == .seconds(600))
        clock.advance(by: .seconds(600))
        #expect(pacing.limit(of: "a") == nil && pacing.allowance(for: "a") == Pacing.trialClaims)
    }

    @Test func `no pause is longer than 15 min and a quarter, and jitter spreads it`() {
        let clock = Simulation()
        let pacing = Pacing(clock: clock)
        for _ in 0..<5 { pacing.note(.limited(retryAfter: .seconds(999_999)), of: "a", random: 0.999) }
        let limit = pacing.limit(of: "a") ?? .zero
        #expect(limit > .seconds(900) && limit <= .seconds(1125))
    }

    @Test func `an answer ends what was held against a provider`() {
        let clock = Simulation()
        let pacing = Pacing(clock: clock)
        for _ in 0..<9 { pacing.note(.silent, of: "a", random: 0.5) }
        #expect(pacing.allowance(for: "a") == 0)
        pacing.note(.none, of: "a", random: 0.5)
        #expect(pacing.allowance(for: "a") == 0)
        pacing.note(.answered, of: "a", random: 0.5)
        #expect(pacing.allowance(for: "a") == .max)
    }

    @Test func `a silent provider is tried with a few at a time, ever more rarely`() {
        let clock = Simulation()
        let pacing = Pacing(clock: clock)
        for _ in 0..<7 { pacing.note(.silent, of: "a", random: 0.5) }
        #expect(pacing.allowance(for: "a") == .max)
        pacing.note(.silent, of: "a", random: 0.5)
        var waits: [Duration] = []
        for _ in 0..<8 {
            let start = clock.now
            clock.advance(atMost: .seconds(100), step: .milliseconds(250)) { pacing.allowance(for: "a") > 0 }
            waits.append(start.duration(to: clock.now))
            #expect(pacing.allowance(for: "a") == Pacing.trialClaims)
            for _ in 0..<Pacing.trialClaims { pacing.note(.silent, of: "a", random: 0.5) }
        }
        #expect(waits == waits.sorted() && waits.first == .seconds(1) && waits.last == .seconds(30))
    }
}

@Suite("Clock watch")
struct ClockWatchTests {
    private func hear(_ watch: ClockWatch, _ clock: Simulation, _ seconds: Double, delay: Duration = .zero) -> Bool {
        let askedAt = clock.now
        clock.advance(by: delay)
        return watch.heard(.init(timeIntervalSince1970: seconds), askedAt: askedAt)
    }

    @Test func `two clocks agree from the first answer on`() {
        let clock = Simulation()
        let watch = ClockWatch(clock: clock)
        #expect(!watch.agrees(for: .zero))
        #expect(!hear(watch, clock, 1000))
        for step in 1...20 {
            clock.advance(by: .seconds(10))
            #expect(!hear(watch, clock, 1000 + Double(step) * 10.1))
        }
        #expect(watch.agrees(for: .seconds(200)) && !watch.agrees(for: .seconds(201)) && !watch.isEventOpen)
    }

    @Test(arguments: [-6.0, 6, 3600, -86_400])
    func `a jump starts the watch anew and is remembered for half an hour`(jump: Double) {
        let clock = Simulation()
        let watch = ClockWatch(clock: clock)
        _ = hear(watch, clock, 1000)
        clock.advance(by: .seconds(100))
        #expect(hear(watch, clock, 1100 + jump))
        #expect(watch.isEventOpen && !watch.agrees(for: .seconds(1)))
        clock.advance(by: .seconds(1799))
        #expect(!hear(watch, clock, 2899 + jump))
        #expect(!watch.agrees(for: .seconds(1)))
        clock.advance(by: .seconds(1))
        #expect(!watch.isEventOpen && watch.agrees(for: .seconds(1800)))
    }

    @Test func `a jump while nobody asked is seen afterwards`() {
        let clock = Simulation()
        let watch = ClockWatch(clock: clock)
        _ = hear(watch, clock, 1000)
        clock.advance(by: .seconds(5000))
        #expect(hear(watch, clock, 6010))
    }

    @Test func `a slow drift is no jump, and a late answer says nothing`() {
        let clock = Simulation()
        let watch = ClockWatch(clock: clock)
        var time = 1000.0
        _ = hear(watch, clock, time)
        for _ in 0..<500 {
            clock.advance(by: .seconds(60))
            time += 60.03
            #expect(!hear(watch, clock, time))
        }
        #expect(!hear(watch, clock, time - 500, delay: .seconds(6)))
        #expect(watch.agrees(for: .seconds(20_000)))
    }
}
