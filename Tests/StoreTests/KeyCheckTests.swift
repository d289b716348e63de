import Domain
import FoundationEssentials
import Postgres
import Sealing
import Store
import TestSupport
import Testing

@Suite("Key checks")
struct KeyCheckTests {
    @Test func `of processes that start together one makes the ring and the others see that there is one`() async throws
    {
        try await StoreFixture.with { fixture in
            let checks = KeyChecks(pool: fixture.store.pool)
            let configuration = fixture.database.configuration
            let made = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<3 {
                    group.addTask { try await Self.makesRing(configuration) }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(made == 1)
            #expect(try await checks.isEmpty() == false)
            #expect(try await fixture.count("keys") == 1)
        }
    }

    @Test func `another key under the same id, and a key that stored channels need, are refused by name`() async throws
    {
        try await StoreFixture.with { fixture in
            let checks = KeyChecks(pool: fixture.store.pool)
            try await checks.verify(fixture.store.ring)
            let kid = fixture.store.ring.sealingKid
            let stranger = try KeyRing(parsing: Secret("\(kid):\(Data(repeating: 7, count: 32).base64EncodedString())"))
            await #expect(throws: KeyCheckError.otherKey(kid: kid)) { try await checks.verify(stranger) }

            // Without a row that needs it a key may be gone.
            let ring = KeyRing.generated().ring
            try await checks.verify(ring)
            try await fixture.add(StoreFixture.newChannel("a"))
            await #expect(throws: KeyCheckError.missing(kid: kid)) { try await checks.verify(ring) }
        }
    }

    @Test func `an adopted journal has nothing open any more`() async throws {
        try await StoreFixture.with { fixture in
            let (old, mine) = (UUID(), UUID())
            try await fixture.store.noteReplica(old, openEntries: 3, kids: ["k"])
            try await fixture.store.noteReplica(mine, openEntries: 2, kids: ["k"])
            try await fixture.store.noteAdopted([old, UUID()])
            #expect(try await fixture.count("replica WHERE open_entries > 0") == 1)
            #expect(try await fixture.count("replica") == 2)
        }
    }

    /// Starts as a process does; whether it was the one to make the ring.
    private static func makesRing(_ configuration: PostgresConfiguration) async throws -> Bool {
        let pool = PostgresPool(configuration: configuration)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await pool.run() }
            defer { pool.close() }
            let checks = KeyChecks(pool: pool)
            return try await checks.alone {
                guard try await checks.isEmpty() else { return false }
                try await checks.verify(KeyRing.generated().ring)
                return true
            }
        }
    }
}
