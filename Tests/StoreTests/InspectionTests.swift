import Domain
import FoundationEssentials
import Postgres
import Store
import Testing

@Suite("Inspections that are stored")
struct InspectionTests {
    private func inspection(_ claim: Claim, end: Date?, due: Date?) -> StoredInspection {
        StoredInspection(
            key: claim.key, base: claim.base, accessExpiresAt: end, humanDeadlineAt: end, dueAt: due)
    }

    @Test func `an inspection moves the end and the schedule, and neither token nor epoch`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a", expires: nil))
            let claim = try #require(try await fixture.claimOne("a"))
            let end = Date(timeIntervalSince1970: 2_000_000_000)
            let stored = inspection(claim, end: end, due: end - 1000)
            #expect(try await fixture.store.complete([stored]) == [.stored])
            #expect(try await fixture.store.complete([stored]) == [.stored], "an ambiguous commit is run again")
            let channel = try #require(try await fixture.store.channel("a", tenantID: nil))
            #expect(channel.accessExpiresAt == end && channel.humanDeadline == end && channel.epoch == 1)
            #expect(channel.nextRefreshAt == end - 1000 && channel.status == .active)
            #expect(try await fixture.writtenAgree())
            let next = try #require(try await fixture.claimOne("a"))
            #expect(try next.credential.get().accessToken == Secret("at-0"))
            #expect(try await fixture.count("audit WHERE outcome = 'not_due' AND code = 'inspected'") == 1)
        }
    }

    @Test func `I5 an inspection changes nothing once something else was written or claimed`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(
                StoreFixture.newChannel("a", expires: nil), StoreFixture.newChannel("b", expires: nil))
            let first = try #require(try await fixture.claimOne("a"))
            let grant = StoreFixture.newChannel("a", access: "at-new", refresh: "rt-new").grant
            #expect(try await fixture.store.replaceCredential(of: "a", tenantID: nil, with: grant, actor: "test"))
            let second = try #require(try await fixture.claimOne("b"))
            let end = Date(timeIntervalSince1970: 2_000_000_000)
            #expect(
                try await fixture.store.complete([
                    inspection(first, end: end, due: end), inspection(second, end: nil, due: nil),
                ]) == [.superseded, .stored])
            #expect(try await fixture.store.channel("a", tenantID: nil)?.accessExpiresAt != end)
            #expect(try await fixture.store.channel("b", tenantID: nil)?.nextRefreshAt == nil)
        }
    }
}
