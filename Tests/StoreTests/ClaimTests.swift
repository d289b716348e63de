import Domain
import FoundationEssentials
import Postgres
import Store
import Testing

@Suite("Claims")
struct ClaimTests {
    @Test func `a due channel is claimed once and comes with its credential`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a"), StoreFixture.newChannel("later", due: Date() + 600))
            let batch = try await fixture.store.claimDue(
                provider: "oauth2", lease: .seconds(300), limit: 10, excludingApps: [])
            #expect(batch.claims.map(\.channelID) == ["a"])
            let claim = try #require(batch.claims.first)
            #expect(try claim.credential.get().refreshToken == Secret("rt-0"))
            #expect(try claim.credential.get().parameters == ["subdomain": "acme"])
            #expect(claim.tenantID == "default" && claim.appID == "oauth2" && claim.base == claim.grantID)
            let again = try await fixture.store.claimDue(
                provider: "oauth2", lease: .seconds(300), limit: 10, excludingApps: [])
            #expect(again.claims.isEmpty)
        }
    }

    @Test func `two replicas never claim the same row`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.insert(
                (0..<200).map { StoreFixture.newChannel(ChannelID(rawValue: "c\($0)")) }, replacing: false,
                actor: "test")
            let store = fixture.store
            let claimed = try await withThrowingTaskGroup(of: [ChannelID].self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        var mine: [ChannelID] = []
                        while true {
                            let batch = try await store.claimDue(
                                provider: "oauth2", lease: .seconds(300), limit: 7, excludingApps: [])
                            if batch.claims.isEmpty { return mine }
                            mine += batch.claims.map(\.channelID)
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(claimed.count == 200)
            #expect(Set(claimed).count == 200)
        }
    }

    @Test func `channels of excluded apps are left alone`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a"))
            let batch = try await fixture.store.claimDue(
                provider: "oauth2", lease: .seconds(300), limit: 10, excludingApps: ["oauth2"])
            #expect(batch.claims.isEmpty)
            let due = try await fixture.store.due(providers: ["oauth2"], excludingApps: ["oauth2"])
            #expect(due.due.isEmpty)
            #expect(try await fixture.store.due(providers: ["oauth2", "amocrm"], excludingApps: []).due == ["oauth2"])
        }
    }

    @Test func `a takeover finds orphans only, sets doubt unless free, and supersedes the old claim`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a"), StoreFixture.newChannel("held"))
            let old = try #require(try await fixture.claimOne("a"))
            _ = try await fixture.claimOne("held")
            _ = try await fixture.row(
                "UPDATE schedule SET lease_until = now() - interval '1 second' WHERE channel_id = 'a' RETURNING 1")
            #expect(try await fixture.store.orphaned(among: ["amocrm", "oauth2"]) == ["oauth2"])
            let batch = try await fixture.store.takeOver(
                provider: "oauth2", lease: .seconds(300), free: false, limit: 10)
            let taken = try #require(batch.claims.first)
            #expect(batch.claims.map(\.channelID) == ["a"] && taken.doubt && taken.attempt > old.attempt)
            #expect(try await fixture.store.orphaned(among: ["amocrm", "oauth2"]).isEmpty)
            // I5: the old holder's failure changes nothing any more.
            #expect(try await fixture.store.complete([fixture.failure(old, warning: .refreshFailing)]) == [.superseded])
            #expect(try await fixture.row("SELECT status FROM schedule WHERE channel_id = 'a'")?.int2("status") == 1)
        }
    }

    @Test func `a parked channel claimed by id is found again when its holder dies`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a", due: nil))
            _ = try #require(try await fixture.claimOne("a"))
            _ = try await fixture.row("UPDATE schedule SET lease_until = now() - interval '1 second' RETURNING 1")
            let batch = try await fixture.store.takeOver(
                provider: "oauth2", lease: .seconds(300), free: true, limit: 10)
            #expect(batch.claims.map(\.channelID) == ["a"])
            #expect(batch.claims.first?.doubt == false)
        }
    }

    @Test func `a credential that is not the fence's version does not open`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a"), StoreFixture.newChannel("b"))
            _ = try await fixture.row(
                "UPDATE credentials SET sealed = (SELECT sealed FROM credentials WHERE channel_id = 'b') WHERE channel_id = 'a' RETURNING 1"
            )
            let claim = try #require(try await fixture.claimOne("a"))
            #expect(claim.credential == .failure(.unreadable))
        }
    }

    @Test func `a release gives the row back at the named time`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a"))
            let claim = try #require(try await fixture.claimOne("a"))
            let due = Date(timeIntervalSince1970: 4_000_000_000)
            try await fixture.store.release([(claim.key, due)])
            let snapshot = try #require(try await fixture.store.snapshots(of: ["a"]).first)
            #expect(!snapshot.isHeld && snapshot.dueAt == due)
            // A second release is another claim's business.
            let newer = try #require(try await fixture.claimOne("a"))
            try await fixture.store.release([(claim.key, nil)])
            #expect(try await fixture.store.snapshots(of: ["a"]).first?.isHeld == true)
            #expect(newer.attempt > claim.attempt)
        }
    }
}
