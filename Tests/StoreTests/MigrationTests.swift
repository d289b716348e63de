import Domain
import FoundationEssentials
import Postgres
import Sealing
import Store
import TestSupport
import Testing

@Suite("Migrations, keys and apps")
struct MigrationTests {
    @Test func `replicas that start together migrate once`() async throws {
        try await TestDatabase.withSchema { database in
            let pool = database.pool
            let steps = try await withThrowingTaskGroup(of: [Int32].self) { group in
                for _ in 0..<4 { group.addTask { try await Migrations(pool: pool).migrate() } }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(Set(steps).count == steps.count && steps.max() == Migrations.newest)
            try await Migrations(pool: pool).check()
        }
    }

    @Test func `a step of another replica is waited for longer than any statement of the service lasts`() async throws {
        try await TestDatabase.withSchema(configure: { $0.statementTimeout = .milliseconds(200) }) { database in
            let (locker, watcher) = (try await database.connect(), try await database.connect())
            try await locker.execute("BEGIN; SELECT pg_advisory_xact_lock(7246110520260001)", within: .seconds(20))
            async let steps = Migrations(pool: database.pool).migrate()
            try await eventually("the migration waits for the lock, past the limit") {
                try await watcher.query(
                    """
                    SELECT count(*)::int8 AS n FROM pg_stat_activity
                     WHERE application_name = $1 AND wait_event = 'advisory'
                       AND query_start < clock_timestamp() - interval '400 milliseconds'
                    """, [.text(database.schema)], within: .seconds(10)
                ).rows[0].int8("n") > 0
            }
            try await locker.execute("ROLLBACK")
            #expect(try await steps.last == Migrations.newest)
            await locker.close()
            await watcher.close()
        }
    }

    @Test func `a newer schema is refused with a sentence, and nothing is changed`() async throws {
        try await TestDatabase.withSchema { database in
            let migrations = Migrations(pool: database.pool)
            _ = try await migrations.migrate()
            _ = try await database.pool.withConnection {
                try await $0.query("INSERT INTO schema_migrations (number, name) VALUES (900, 'future')")
            }
            let expected = MigrationError.newerSchema(found: 900, known: Migrations.newest)
            await #expect(throws: expected) { try await migrations.check() }
            await #expect(throws: expected) { _ = try await migrations.migrate() }
            #expect("\(expected)".contains("start the newer version"))
        }
    }

    @Test func `an empty schema is older than this version`() async throws {
        try await TestDatabase.withSchema { database in
            _ = await #expect(throws: MigrationError.olderSchema(found: 0, known: Migrations.newest)) {
                try await Migrations(pool: database.pool).check()
            }
        }
    }

    @Test func `another key under a known id, and a missing key of stored rows, are refused`() async throws {
        try await StoreFixture.with { fixture in
            let checks = KeyChecks(pool: fixture.store.pool)
            #expect(try await checks.isEmpty())
            try await checks.verify(fixture.store.ring)
            try await checks.verify(fixture.store.ring)
            try await fixture.add(StoreFixture.newChannel("a"))
            let kid = fixture.store.ring.sealingKid
            let other = try KeyRing(parsing: Secret("\(kid):\(Data(repeating: 7, count: 32).base64EncodedString())"))
            await #expect(throws: KeyCheckError.otherKey(kid: kid)) { try await checks.verify(other) }
            let stranger = try KeyRing(
                parsing: Secret("stranger:\(Data(repeating: 8, count: 32).base64EncodedString())"))
            await #expect(throws: KeyCheckError.missing(kid: kid)) { try await checks.verify(stranger) }
        }
    }

    @Test func `an app's pause and its end are one event each, a suspicion is none`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            try await fixture.add(StoreFixture.newChannel("a"), StoreFixture.newChannel("b"))
            try await store.setApp("oauth2", state: .suspect, reason: "invalid_client", channel: "a")
            #expect(try await store.takeProbe(of: "oauth2", every: .seconds(60), excluding: "a") == "b")
            #expect(try await store.takeProbe(of: "oauth2", every: .seconds(60), excluding: "a") == nil)
            try await store.setApp("oauth2", state: .paused, reason: "invalid_client", channel: "b")
            try await store.setApp("oauth2", state: .paused, reason: "invalid_client", channel: "b")
            #expect(try await store.troubledApps()["oauth2"]?.state == .paused)
            try await store.setApp("oauth2", state: .ok, reason: "accepted", channel: "b")
            #expect(try await store.troubledApps().isEmpty)
            #expect(try await fixture.count("event WHERE kind = 'app_rejected'") == 1)
            #expect(try await fixture.count("event WHERE kind = 'app_recovered'") == 1)
            #expect(try await fixture.count("event") == 2)
        }
    }

    @Test func `a changed secret makes a paused app's probe due at once`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            try await fixture.add(StoreFixture.newChannel("a"))
            let app = App(id: "oauth2", provider: "oauth2", clientID: "id", secrets: [])
            try await store.register([(app, "one")])
            try await store.setApp("oauth2", state: .paused, reason: "invalid_client", channel: "a")
            #expect(try await store.takeProbe(of: "oauth2", every: .seconds(600), excluding: nil) == nil)
            try await store.register([(app, "one")])
            #expect(try await store.takeProbe(of: "oauth2", every: .seconds(600), excluding: nil) == nil)
            try await store.register([(app, "two")])
            #expect(try await store.takeProbe(of: "oauth2", every: .seconds(600), excluding: nil) == "a")
        }
    }
}
