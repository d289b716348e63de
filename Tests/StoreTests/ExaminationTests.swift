import Domain
import FoundationEssentials
import Postgres
import Sealing
import Store
import TestSupport
import Testing

@Suite("Examinations")
struct ExaminationTests {
    @Test func `the server tells its version and its clock`() async throws {
        try await StoreFixture.with { fixture in
            let server = try await Examination(pool: fixture.store.pool).server()
            #expect(server.version.first?.isNumber == true && !server.isStandby)
            #expect(abs(server.skew) < 5 && server.roundTrip < .seconds(5))
        }
    }

    @Test func `keys, apps, replicas and given-up messages are counted`() async throws {
        try await StoreFixture.with { fixture in
            try await KeyChecks(pool: fixture.store.pool).verify(fixture.store.ring)
            try await fixture.add(
                StoreFixture.newChannel("a"), StoreFixture.newChannel("b"), StoreFixture.newChannel("c", provider: "x"))
            let examination = Examination(pool: fixture.store.pool)
            let key = try #require(try await examination.keys().first)
            #expect(key.credentials == 3 && fixture.store.ring.opens(checkValue: key.checkValue, kid: key.kid))
            #expect(
                try await examination.appUse() == [
                    .init(provider: "oauth2", appID: "oauth2", channels: 2),
                    .init(provider: "x", appID: "x", channels: 1),
                ])
            try await fixture.store.setApp("x", state: .paused, reason: "app_credentials", channel: nil)
            #expect(try await examination.troubledApps().map(\.id) == ["x"])
            let journal = UUID()
            try await fixture.store.noteReplica(journal, openEntries: 2, kids: ["k"])
            let replica = try #require(try await examination.replicas().first)
            #expect(replica.journalID == journal && replica.openEntries == 2 && replica.silentFor < .seconds(60))
            #expect(try await examination.deadDeliveries().isEmpty)
        }
    }

    @Test func `a credential of another row, of another key or of another version is unreadable`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(
                StoreFixture.newChannel("a"), StoreFixture.newChannel("b"), StoreFixture.newChannel("c"))
            let examination = Examination(pool: fixture.store.pool)
            #expect(try await examination.unreadable(with: fixture.store.ring, sample: 100).isEmpty)
            let stranger = KeyRing.generated().ring
            #expect(try await examination.unreadable(with: stranger, sample: 100).count == 3)
            _ = try await fixture.row(
                "UPDATE credentials SET sealed = (SELECT sealed FROM credentials WHERE channel_id = 'b') WHERE channel_id = 'a'"
            )
            #expect(try await examination.unreadable(with: fixture.store.ring, sample: 100) == ["a"])
        }
    }

    @Test func `a row that was put back is parked, once, with a security event`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a"), StoreFixture.newChannel("b"))
            let examination = Examination(pool: fixture.store.pool)
            let before = try #require(
                try await fixture.row(
                    "SELECT written, kid, sealed FROM credentials JOIN schedule USING (channel_id, written) WHERE channel_id = 'a'"
                ))
            let claim = try #require(try await fixture.claimOne("a"))
            #expect(try await fixture.store.complete([fixture.success(claim)]) == [.stored])
            #expect(try await examination.quarantineRolledBack().isEmpty)

            // Both rows of an older moment, as somebody with the database's password could.
            let written = try before.int8("written")
            _ = try await fixture.row(
                "UPDATE schedule SET written = $1, attempt = $1, lease_until = NULL WHERE channel_id = 'a'",
                [.int8(written)])
            _ = try await fixture.row(
                "UPDATE credentials SET written = $1, sealed = $2 WHERE channel_id = 'a'",
                [.int8(written), .bytea(try before.bytea("sealed"))])
            #expect(try await examination.unreadable(with: fixture.store.ring, sample: 100).isEmpty)

            for _ in 0..<2 {
                #expect(try await examination.quarantineRolledBack() == ["a"])
                #expect(
                    try await fixture.count(
                        "schedule WHERE channel_id = 'a' AND status = 2 AND reason = 'sealed_unreadable' AND due_at IS NULL"
                    )
                        == 1)
                #expect(try await fixture.count("event WHERE kind = 'security' AND channel_id = 'a'") == 1)
                #expect(try await fixture.count("audit WHERE outcome = 'quarantined' AND channel_id = 'a'") == 1)
                #expect(try await fixture.count("schedule WHERE status = 1 AND channel_id = 'b'") == 1)
            }
        }
    }
}
