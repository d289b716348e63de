import Domain
import FoundationEssentials
import Postgres
import Store
import Testing

@Suite("Statistics in the store", .timeLimit(.minutes(2)))
struct StatisticsTests {
    @Test func `channels are counted by what they need, by provider and by tenant`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            let later = Date() + 86_400
            try await fixture.add(
                StoreFixture.newChannel("due", tenant: "acme", expires: Date() + 600),
                StoreFixture.newChannel("later", tenant: "acme", due: later, expires: later + 600),
                StoreFixture.newChannel(
                    "once", provider: "amocrm", tenant: "acme", due: later, refresh: nil, expires: nil),
                StoreFixture.newChannel("paused", tenant: "other", expires: Date() - 600, status: .paused),
                StoreFixture.newChannel("failing", tenant: "other", due: later, expires: later),
                StoreFixture.newChannel("gone", tenant: "other"))
            _ = try await store.disconnect("gone", tenantID: nil, purge: false, actor: "test")
            let claim = try #require(try await fixture.claimOne("failing"))
            _ = try await store.complete([fixture.failure(claim, due: later)])
            let all = try await store.statistics(tenantID: nil)
            #expect(
                all.total
                    == .init(
                        channels: 5, active: 4, warning: 0, paused: 1, needingRefresh: 2, withRefreshToken: 4, urgent: 2
                    ))
            #expect(all.providers["amocrm"] == .init(channels: 1, active: 1))
            #expect(all.providers["oauth2"]?.channels == 4 && all.providers.count == 2)
            #expect(all.tenants["acme"]?.channels == 3 && all.tenants["other"]?.needingRefresh == 1)
            let acme = try await store.statistics(tenantID: "acme")
            #expect(acme.total == .init(channels: 3, active: 3, needingRefresh: 1, withRefreshToken: 2, urgent: 1))
            #expect(acme.tenants == ["acme": acme.total] && acme.providers.count == 2)
            #expect(try await store.statistics(tenantID: "nobody") == RefreshStatistics())
        }
    }

    @Test func `a tenant's count among twenty thousand channels reads that tenant's rows`() async throws {
        try await StoreFixture.with(size: 1) { fixture in
            try await fixture.store.pool.withConnection { connection in
                try await connection.execute(
                    """
                    INSERT INTO channels (id, tenant_id, provider) SELECT 'c' || n, 't' || n % 200, 'oauth2'
                      FROM generate_series(1, 20000) n;
                    INSERT INTO schedule (channel_id, provider, app_id, due_at, attempt, grant_id, written)
                    SELECT 'c' || n, 'oauth2', 'oauth2', now() + n * interval '1 second', 1, 1, 1 FROM generate_series(1, 20000) n;
                    INSERT INTO credentials (channel_id, tenant_id, written, kid, sealed, access_expires_at)
                    SELECT 'c' || n, 't' || n % 200, 1, 'none', '', now() + n * interval '1 second' FROM generate_series(1, 20000) n;
                    """)
                try await connection.execute("ANALYZE channels, schedule, credentials")
            }
            let tables = ["channels", "schedule", "credentials"]
            let before = try await fixture.sequentialScans(tables)
            let one = try await fixture.store.statistics(tenantID: "t7")
            #expect(one.total.channels == 100)
            #expect(try await fixture.sequentialScans(tables) == before)
            let all = try await fixture.store.statistics(tenantID: nil)
            #expect(all.total.channels == 20_000 && all.tenants.count == 200 && all.total.urgent >= 3600)
        }
    }
}
