import Domain
import FoundationEssentials
import Postgres
import Store
import Testing

/// Lists of channels, in depth and at size.
@Suite("Lists of channels", .timeLimit(.minutes(2)))
struct ListingTests {
    @Test func `every filter and cursor finds what it names, and a page's end is the next one's begin`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(
                StoreFixture.newChannel("a-1", tenant: "acme", expires: Date() + 60),
                StoreFixture.newChannel("a-2", provider: "amocrm", tenant: "acme", expires: Date() + 86_400),
                StoreFixture.newChannel("b-1", status: .paused), StoreFixture.newChannel("b-2"))
            let store = fixture.store
            func ids(_ filter: ChannelFilter, after: ChannelID? = nil, limit: Int = 100) async throws -> [String] {
                try await store.channels(filter, after: after, limit: limit).map(\.id.rawValue)
            }
            #expect(try await ids(ChannelFilter()) == ["a-1", "a-2", "b-1", "b-2"])
            #expect(try await ids(ChannelFilter(), limit: 3) == ["a-1", "a-2", "b-1"])
            #expect(try await ids(ChannelFilter(), after: "b-1") == ["b-2"])
            #expect(try await ids(ChannelFilter(tenantID: "acme")) == ["a-1", "a-2"])
            #expect(try await ids(ChannelFilter(userID: "u", provider: "amocrm")) == ["a-2"])
            #expect(try await ids(ChannelFilter(status: .paused)) == ["b-1"])
            #expect(try await ids(ChannelFilter(expiringWithin: .seconds(600))) == ["a-1"])
            #expect(try await ids(ChannelFilter(query: "SHOP B")) == ["b-1", "b-2"])
            #expect(try await ids(ChannelFilter(query: "ext-a-2")) == ["a-2"])
            #expect(try await ids(ChannelFilter(query: "2")) == ["a-2", "b-2"])
            #expect(try await ids(ChannelFilter(tenantID: "acme", query: "b-1")) == [])
            for odd in ["%", "_", "\\", "'", "a%b", "%%%", "___"] {
                #expect(try await ids(ChannelFilter(query: odd)) == [], "\(odd)")
            }
        }
    }

    @Test func `pages of a hundred thousand channels read a few rows, whatever the filter`() async throws {
        try await StoreFixture.with(size: 1) { fixture in
            try await fixture.fillForLists(rows: 100_000)
            let store = fixture.store
            let filters: [(String, ChannelFilter)] = [
                ("none", ChannelFilter()), ("tenant", ChannelFilter(tenantID: "t7")),
                ("user", ChannelFilter(userID: "u77")), ("provider", ChannelFilter(provider: "rare")),
                ("status", ChannelFilter(status: .paused)), ("active", ChannelFilter(status: .active)),
                ("few expire", ChannelFilter(expiringWithin: .seconds(600))),
                ("all expire", ChannelFilter(expiringWithin: .seconds(86_400 * 365))),
                ("few match", ChannelFilter(query: "name 99999")), ("all match", ChannelFilter(query: "name")),
                ("none match", ChannelFilter(query: "no such thing")),
            ]
            for (name, filter) in filters {
                let before = try await fixture.tuplesRead()
                let page = try await store.channels(filter, after: "c05", limit: 100)
                let read = try await fixture.tuplesRead() - before
                #expect(read < 30_000, "\(name): \(read) rows were read for a page of \(page.count)")
                if name != "none match" { #expect(!page.isEmpty, "\(name) found nothing") }
            }
        }
    }
}

extension StoreFixture {
    /// Rows whose credentials do not open, made in the database.
    fileprivate func fillForLists(rows: Int) async throws {
        try await store.pool.withConnection { connection in
            try await connection.execute(
                """
                INSERT INTO channels (id, tenant_id, user_id, provider, display_name)
                SELECT 'c' || lpad(n::text, 6, '0'), 't' || n % 100, 'u' || n % 5000,
                       CASE WHEN n % 1000 = 999 THEN 'rare' ELSE 'oauth2' END, 'Name ' || n FROM generate_series(1, \(rows)) n;
                INSERT INTO schedule (channel_id, provider, app_id, status, due_at, attempt, grant_id, written)
                SELECT 'c' || lpad(n::text, 6, '0'), CASE WHEN n % 1000 = 999 THEN 'rare' ELSE 'oauth2' END, 'oauth2',
                       CASE WHEN n % 5000 = 4999 THEN 3 ELSE 1 END,
                       CASE WHEN n % 5000 = 4999 THEN NULL ELSE now() + (\(rows) - n) * interval '1 minute' END, 1, 1, 1
                  FROM generate_series(1, \(rows)) n;
                INSERT INTO credentials (channel_id, tenant_id, written, kid, sealed, access_expires_at)
                SELECT 'c' || lpad(n::text, 6, '0'), 't' || n % 100, 1, 'none', '',
                       now() + (\(rows) - n + 1) * interval '1 minute' FROM generate_series(1, \(rows)) n;
                """)
            try await connection.execute("ANALYZE channels, schedule, credentials")
        }
    }

    /// Rows that this pool's one session read from the three tables, by scans and by indexes.
    fileprivate func tuplesRead() async throws -> Int64 {
        try await store.pool.withConnection { connection in
            try await connection.query("SELECT pg_stat_force_next_flush()")
            let row = try await connection.query(
                """
                SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int8 AS n FROM pg_stat_user_tables
                 WHERE schemaname = current_schema() AND relname IN ('channels', 'schedule', 'credentials')
                """
            ).rows[0]
            return try row.int8("n")
        }
    }
}
