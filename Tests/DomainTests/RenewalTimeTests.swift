import Domain
import FoundationEssentials
import Testing

@Suite("Renewal time")
struct RenewalTimeTests {
    let issued = Date(timeIntervalSince1970: 1_790_000_000)

    @Test(arguments: [
        (600.0, 3600.0, 600.0), (600, 1200, 300), (1_296_000, 5_184_000, 1_296_000), (604_800, 5_184_000, 604_800),
        (86_400, 604_800, 86_400), (7200, 86_400, 7200), (7200, 600, 150), (600, 0, 600),
    ])
    func `the margin is the provider's, a quarter of the life at most`(before: Double, life: Double, margin: Double) {
        let time = RenewalTime(refreshBefore: .seconds(before))
        #expect(time.margin(life: .seconds(life)) == .seconds(margin))
    }

    @Test func `an unknown life takes the whole margin`() {
        #expect(RenewalTime(refreshBefore: .seconds(600)).margin(life: nil) == .seconds(600))
    }

    @Test func `a channel is due within its margin and a tenth, always at the same time`() {
        let time = RenewalTime(refreshBefore: .seconds(600))
        var moments: Set<Date> = []
        for number in 0..<200 {
            let channel = ChannelID(rawValue: "channel-\(number)")
            let due = time.dueAt(
                channel: channel, issuedAt: issued, expiresAt: issued.addingTimeInterval(3600), life: .seconds(3600))
            let again = time.dueAt(
                channel: channel, issuedAt: issued, expiresAt: issued.addingTimeInterval(3600), life: .seconds(3600))
            #expect(due == again)
            let before = due.map { issued.addingTimeInterval(3600).timeIntervalSince($0) } ?? 0
            #expect(before >= 600 && before < 660)
            due.map { _ = moments.insert($0) }
        }
        #expect(moments.count > 150, "jitter spreads")
    }

    @Test func `keep-alive comes first, the minimal age last`() {
        let idle = RenewalTime(refreshBefore: .seconds(600), keepAlive: .seconds(1000))
        let expiry = issued.addingTimeInterval(100_000)
        #expect(
            idle.dueAt(channel: "a", issuedAt: issued, expiresAt: expiry, life: .seconds(100_000))
                == issued.addingTimeInterval(1000))
        #expect(
            idle.dueAt(channel: "a", issuedAt: issued, expiresAt: nil, life: nil) == issued.addingTimeInterval(1000))
        let old = RenewalTime(refreshBefore: .seconds(600), minAge: .seconds(3500))
        #expect(
            old.dueAt(channel: "a", issuedAt: issued, expiresAt: issued.addingTimeInterval(3600), life: .seconds(3600))
                == issued.addingTimeInterval(3500))
    }

    @Test func `what never ends and needs no keep-alive is never due`() {
        #expect(
            RenewalTime(refreshBefore: .seconds(600)).dueAt(channel: "a", issuedAt: issued, expiresAt: nil, life: nil)
                == nil)
    }

    @Test func `what has ended is due in the past`() throws {
        let due = RenewalTime(refreshBefore: .seconds(600)).dueAt(
            channel: "a", issuedAt: issued, expiresAt: issued.addingTimeInterval(-5), life: nil)
        #expect(try #require(due) <= issued)
    }

    @Test(arguments: [(601.0, false), (600, true), (0, true), (-50, true)])
    func `a manual refresh looks at the margin without jitter`(left: Double, needs: Bool) {
        let time = RenewalTime(refreshBefore: .seconds(600))
        let expiry = issued.addingTimeInterval(left)
        #expect(time.needsRefresh(now: issued, expiresAt: expiry, life: .seconds(3600)) == needs)
        #expect(!time.needsRefresh(now: issued, expiresAt: nil, life: nil))
    }
}
