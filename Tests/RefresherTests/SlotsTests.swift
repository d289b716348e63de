import Testing

@testable import Refresher

@Suite("Slots")
struct SlotsTests {
    @Test func `claims are large: all at first, then when half is free`() {
        let slots = Slots(limit: 256, limitPerProvider: 64)
        #expect(slots.takeForClaim(by: "a") == 64)
        for _ in 0..<31 { #expect(!slots.give(for: "a")) }
        #expect(slots.takeForClaim(by: "a") == 0)
        #expect(slots.give(for: "a"))
        #expect(slots.takeForClaim(by: "a") == 32)
        #expect(slots.inFlight == 64)
    }

    @Test func `a provider that does not wait wakes nobody`() {
        let slots = Slots(limit: 256, limitPerProvider: 64)
        _ = slots.takeForClaim(by: "a")
        #expect(!slots.give(64, for: "a"))
        #expect(slots.inFlight == 0)
    }

    @Test func `each provider keeps a share however many hang`() {
        let slots = Slots(limit: 64, limitPerProvider: 64)
        #expect(slots.takeForClaim(by: "hung") == 64)
        #expect(slots.takeForClaim(by: "b") == 8)
        #expect(slots.takeForClaim(by: "c") == 8)
        #expect(slots.takeForClaim(by: "b") == 0)
    }

    @Test func `slots that one provider gives back wake another that waits for them`() {
        let slots = Slots(limit: 64, limitPerProvider: 64)
        _ = slots.takeForClaim(by: "a")
        _ = slots.takeForClaim(by: "b")
        #expect(slots.takeForClaim(by: "b") == 0)
        var woken = false
        for _ in 0..<64 where !woken { woken = slots.give(for: "a") }
        #expect(woken && slots.takeForClaim(by: "b") >= 8)
    }

    @Test(arguments: [(1, 1), (1, 64), (3, 2), (256, 1), (0, 0)])
    func `small limits still let something through, and no more`(limit: Int, perProvider: Int) {
        let slots = Slots(limit: limit, limitPerProvider: perProvider)
        let first = slots.takeForClaim(by: "a")
        #expect(first >= 1 && first <= max(perProvider, 1))
        var taken = first
        while slots.takeOnDemand(by: "a") { taken += 1 }
        #expect(taken <= 2 * max(perProvider, 1))
        _ = slots.give(taken, for: "a")
        #expect(slots.inFlight == 0 && slots.inFlight(of: "a") == 0)
    }

    @Test func `a trial takes no more than it is allowed`() {
        let slots = Slots(limit: 256, limitPerProvider: 64)
        #expect(slots.takeForClaim(by: "a", atMost: 4) == 4)
        #expect(slots.takeForClaim(by: "b", atMost: 0) == 0)
        #expect(slots.inFlight == 4)
    }
}
