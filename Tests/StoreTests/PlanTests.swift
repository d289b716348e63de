import Domain
import FoundationEssentials
import Postgres
import Store
import Testing

/// The statements of every tick must not read the whole schedule, however large it is.
@Suite("Plans")
struct PlanTests {
    @Test func `claims, takeovers and looking for work use the index of due rows`() async throws {
        try await StoreFixture.with(size: 1) { fixture in
            let store = fixture.store
            try await fixture.fill(rows: 20_000)
            let before = try await fixture.scans()
            _ = try await store.due(providers: ["oauth2", "amocrm"], excludingApps: [])
            _ = try await store.claimDue(provider: "oauth2", lease: .seconds(300), limit: 50, excludingApps: ["x"])
            _ = try await store.orphaned(among: ["oauth2", "amocrm"])
            _ = try await store.takeOver(provider: "oauth2", lease: .seconds(300), free: false, limit: 50)
            _ = try await store.claim(channels: ["c1", "c2"], leases: ["oauth2": .seconds(300)])
            _ = try await store.snapshots(of: ["c1", "c2"])
            let after = try await fixture.scans()
            #expect(after.sequential == before.sequential)
            #expect(after.byIndex > before.byIndex)
        }
    }

    @Test func `storing and giving back find their rows by key`() async throws {
        try await StoreFixture.with(size: 1) { fixture in
            let store = fixture.store
            try await fixture.fill(rows: 20_000)
            let success = try #require(try await fixture.claimOne("c1"))
            let failure = try #require(try await fixture.claimOne("c2"))
            let idle = try #require(try await fixture.claimOne("c3"))
            let before = try await fixture.scans()
            #expect(try await store.complete([fixture.success(success)]) == [.stored])
            #expect(try await store.complete([fixture.failure(failure)]) == [.stored])
            try await store.release([(idle.key, Date())])
            #expect(try await fixture.scans().sequential == before.sequential)
        }
    }
}

extension StoreFixture {
    /// Rows whose credentials do not open, made in the database: sealing so many takes too long for a test.
    fileprivate func fill(rows: Int) async throws {
        try await store.pool.withConnection { connection in
            try await connection.execute(
                """
                INSERT INTO channels (id, provider) SELECT 'c' || n, 'oauth2' FROM generate_series(1, \(rows)) n;
                INSERT INTO schedule (channel_id, provider, app_id, due_at, attempt, grant_id, written)
                SELECT 'c' || n, 'oauth2', 'oauth2', now() + (n - 100) * interval '1 second', 1, 1, 1
                  FROM generate_series(1, \(rows)) n;
                INSERT INTO credentials (channel_id, tenant_id, written, kid, sealed)
                SELECT 'c' || n, 'default', 1, 'none', '' FROM generate_series(1, \(rows)) n;
                ANALYZE channels, schedule, credentials;
                """)
        }
    }

    /// How often the two hot tables were scanned as a whole, and through an index.
    fileprivate func scans() async throws -> (sequential: Int64, byIndex: Int64) {
        try await store.pool.withConnection { connection in
            // The one session of this pool sends its counters before it reads them.
            try await connection.query("SELECT pg_stat_force_next_flush()")
            let row = try await connection.query(
                """
                SELECT sum(seq_scan)::int8 AS sequential, sum(idx_scan)::int8 AS by_index FROM pg_stat_user_tables
                 WHERE schemaname = current_schema() AND relname IN ('schedule', 'credentials')
                """
            ).rows[0]
            return (try row.int8("sequential"), try row.int8("by_index"))
        }
    }
}
