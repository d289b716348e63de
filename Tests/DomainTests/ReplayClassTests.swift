import Domain
import FoundationEssentials
import Testing

@Suite("Replay classes")
struct ReplayClassTests {
    static let classes: [ReplayClass] =
        [.free, .family, .single] + [1, 60, 600, 1800, 86_400, 10_000_000].map { .grace(.seconds($0)) }

    @Test(arguments: classes, [0.0, 60, 600, 7200, 604_800, 1_296_000])
    func `three transfers fit into every lease`(replayClass: ReplayClass, margin: Double) {
        let limit = replayClass.transferLimit
        let lease = replayClass.lease(margin: .seconds(margin))
        #expect(limit * 3 + .seconds(5) <= .seconds(100))
        #expect(.seconds(100) <= lease)
        #expect(ReplayRule.sendWindow + .seconds(5) <= lease)
        #expect(lease <= .seconds(1800))
    }

    @Test func `the hold-down follows the class`() {
        #expect(ReplayClass.free.lease(margin: .seconds(86_400)) == .seconds(120))
        #expect(ReplayClass.single.lease(margin: .seconds(600)) == .seconds(300))
        #expect(ReplayClass.single.lease(margin: .seconds(86_400)) == .seconds(1800))
        #expect(ReplayClass.family.lease(margin: .seconds(100)) == .seconds(120))
        #expect(ReplayClass.grace(.seconds(600)).lease(margin: .zero) == .seconds(150))
        #expect(ReplayClass.grace(.seconds(86_400)).lease(margin: .zero) == .seconds(300))
    }

    @Test func `all but the free are journalled and may take 30 s`() {
        for replayClass in Self.classes {
            #expect(replayClass.isJournalled == (replayClass != .free))
            #expect(replayClass.transferLimit == (replayClass == .free ? .seconds(10) : .seconds(30)))
        }
    }

    @Test func `a replay waits for the hard deadline of what may still be under way`() {
        let claimed = Date(timeIntervalSince1970: 1_790_000_000)
        func wait(_ replayClass: ReplayClass, expiresIn: Double? = nil) -> Double {
            ReplayRule.earliest(
                replayClass, claimedAt: claimed, accessExpiresAt: expiresIn.map { claimed.addingTimeInterval($0) }
            ).timeIntervalSince(claimed)
        }
        #expect(wait(.free) == 0)
        #expect(wait(.single) == 155)
        #expect(wait(.grace(.seconds(600))) == 110)
        #expect(wait(.family, expiresIn: 3600) == 3480)
        #expect(wait(.family, expiresIn: 10) == 155)
        #expect(wait(.family) == 155)
    }

    @Test func `an attempt's number tells when it was claimed`() {
        #expect(
            ReplayRule.claimedAt(attempt: 1_790_000_000_123_456).timeIntervalSince1970.rounded(.down) == 1_790_000_000)
    }
}
