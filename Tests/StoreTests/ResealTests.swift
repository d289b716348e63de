import Domain
import FoundationEssentials
import Postgres
import Sealing
import Store
import TestSupport
import Testing

struct ResealTests {
    private static let old = "old:" + Data(repeating: 1, count: 32).base64EncodedString()
    private static let new = "new:" + Data(repeating: 2, count: 32).base64EncodedString()

    /// The store as a process with these keys has it.
    private func store(_ fixture: StoreFixture, _ keys: String...) async throws -> Store {
        let store = Store(
            pool: fixture.store.pool, ring: try KeyRing(parsing: Secret(keys.joined(separator: ","))))
        try await KeyChecks(pool: store.pool).verify(store.ring)
        return store
    }

    private func resealAll(_ store: Store) async throws -> (resealed: Int, unreadable: Int) {
        var last: ChannelID?
        var (resealed, unreadable) = (0, 0)
        while true {
            let batch = try await store.resealCredentials(after: last)
            resealed += batch.resealed
            unreadable += batch.unreadable
            if batch.isLast { return (resealed, unreadable) }
            last = batch.last
        }
    }

    @Test func `sealing again changes the key and nothing else, and the old key can go afterwards`() async throws {
        try await StoreFixture.with { fixture in
            let before = try await store(fixture, Self.old)
            let channels = (0..<450).map { StoreFixture.newChannel(ChannelID(rawValue: "c\(1000 + $0)")) }
            try await before.insert(channels, replacing: false, actor: "test")
            try await before.put(
                Destination(
                    id: "hook", name: "Hook",
                    configuration: .webhook(url: Secret("https://example.com/"), secret: Secret("whsec_x"))))
            let both = try await store(fixture, Self.new, Self.old)
            let sql = "SELECT sum(written)::int8 AS written, sum(epoch)::int8 AS epoch FROM credentials"
            let numbers = try #require(try await fixture.row(sql))
            #expect(try await resealAll(both) == (450, 0))
            #expect(try await both.resealDestinations().resealed == 1)
            #expect(try await resealAll(both) == (0, 0))
            let after = try #require(try await fixture.row(sql))
            #expect(try after.int8("written") == numbers.int8("written"))
            #expect(try after.int8("epoch") == numbers.int8("epoch"))
            #expect(try await fixture.writtenAgree())

            // Journals may hold what the old key sealed until their retention is over.
            await #expect(throws: KeyRetirementError.self) {
                try await both.retireKey("old", journalRetention: .seconds(3600), actor: "test")
            }
            try await both.retireKey("old", journalRetention: .zero, actor: "test")
            let alone = try await store(fixture, Self.new)
            let token = try #require(try await alone.token(of: "c1007", tenantID: nil))
            #expect(token.credential.accessToken?.reveal() == "at-0")
            #expect(try await alone.destination("hook", tenantID: nil) != nil)
        }
    }

    @Test func `a channel that is being refreshed keeps its claim, and what comes back is stored`() async throws {
        try await StoreFixture.with { fixture in
            let before = try await store(fixture, Self.old)
            try await before.insert([StoreFixture.newChannel("a")], replacing: false, actor: "test")
            let claim = try #require(
                try await before.claim(channels: ["a"], leases: ["oauth2": .seconds(300)]).claims.first)
            let both = try await store(fixture, Self.new, Self.old)
            #expect(try await resealAll(both) == (1, 0))
            _ = try await both.complete([fixture.success(claim)])
            let token = try #require(try await both.token(of: "a", tenantID: nil))
            #expect(token.credential.accessToken?.reveal() == "at-1")
        }
    }

    @Test func `rows of a key that is not here are counted and left`() async throws {
        try await StoreFixture.with { fixture in
            let before = try await store(fixture, Self.old)
            try await before.insert([StoreFixture.newChannel("a")], replacing: false, actor: "test")
            let stranger = Store(pool: fixture.store.pool, ring: try KeyRing(parsing: Secret(Self.new)))
            #expect(try await resealAll(stranger) == (0, 1))
            #expect(try await before.token(of: "a", tenantID: nil)?.credential.accessToken?.reveal() == "at-0")
        }
    }

    @Test func `a key is not retired while it seals, is used, is unknown, or a silent journal needs it`() async throws {
        try await StoreFixture.with { fixture in
            let both = try await store(fixture, Self.new, Self.old)
            try await store(fixture, Self.old).insert([StoreFixture.newChannel("a")], replacing: false, actor: "test")
            func refusal(_ kid: String) async -> KeyRetirementError? {
                do {
                    try await both.retireKey(kid, journalRetention: .zero, actor: "test")
                    return nil
                } catch {
                    return error as? KeyRetirementError
                }
            }
            #expect(await refusal("new") == .seals)
            #expect(await refusal("other") == .unknown)
            #expect(await refusal("old") == .used(channels: 1, others: 0))
            #expect(try await resealAll(both) == (1, 0))
            try await both.noteReplica(UUID(), openEntries: 1, kids: ["old"])
            _ = try await fixture.row("UPDATE replica SET seen_at = now() - interval '5 minutes' RETURNING 1")
            #expect(await refusal("old") == .silentReplicas(1))
            #expect(try await both.replicasWithoutSealingKey() == 0)
            _ = try await fixture.row("UPDATE replica SET seen_at = now(), open_entries = 0 RETURNING 1")
            #expect(try await both.replicasWithoutSealingKey() == 1)
            #expect(await refusal("old") == nil)
        }
    }

    @Test func `tenants are listed in order with their channels by status, however many pages`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(
                StoreFixture.newChannel("a1", tenant: "acme"), StoreFixture.newChannel("a2", tenant: "acme"),
                StoreFixture.newChannel("a3", tenant: "acme", due: nil, status: .paused),
                StoreFixture.newChannel("b1", tenant: "beta"), StoreFixture.newChannel("z1", tenant: "zeta"))
            let first = try await fixture.store.tenants(after: nil, limit: 2)
            #expect(
                first == [
                    TenantSummary(id: "acme", channels: [.active: 2, .paused: 1]),
                    TenantSummary(id: "beta", channels: [.active: 1]),
                ])
            #expect(try await fixture.store.tenants(after: "beta", limit: 2).map(\.id) == ["zeta"])
            #expect(try await fixture.store.tenants(after: "zeta", limit: 2).isEmpty)
        }
    }
}
