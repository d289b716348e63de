import Domain
import FoundationEssentials
import Postgres
import Store
import Testing

/// What a cleanup removes, and what it must leave.
@Suite("Cleanup in the store", .timeLimit(.minutes(2)))
struct CleanupStoreTests {
    private let policy = CleanupPolicy(auditDays: 30, jobs: JobRetention(completed: 2, failed: 2))

    private func counts(_ fixture: StoreFixture, removing: Bool) async throws -> [CleanupStep: Int] {
        var counts: [CleanupStep: Int] = [:]
        for step in CleanupStep.allCases {
            counts[step] =
                removing
                ? try await fixture.store.clean(step, policy)
                : try await fixture.store.countForCleanup(step, policy)
        }
        return counts
    }

    @Test func `a dry run counts what a cleanup removes, and writes nothing`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.fillForCleanup()
            let before = try await fixture.contents()
            let counted = try await counts(fixture, removing: false)
            #expect(try await fixture.contents() == before)
            #expect(
                counted == [.secrets: 1, .authorizations: 3, .audit: 2, .changes: 2, .jobs: 6, .relay: 4], "\(counted)")
            let removed = try await counts(fixture, removing: true)
            #expect(removed == counted)
            // What a delivery carried and its attempts go with it.
            #expect(try await fixture.count("delivery_items") == 1)
            #expect(try await fixture.count("delivery_attempts") == 1)
            // The cleanup itself is written down; nothing else is left to remove.
            #expect(try await counts(fixture, removing: false).values.allSatisfy { $0 == 0 })
            #expect(try await fixture.count("jobs WHERE id LIKE 'completed%'") == 2)
            #expect(try await fixture.count("jobs WHERE state = 'waiting'") == 1)
            #expect(try await fixture.count("incidents") == 2)
            #expect(try await fixture.writtenAgree())
        }
    }

    @Test func `secrets of a channel go seven days after it was disconnected, and of no other`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            try await fixture.add(
                StoreFixture.newChannel("old"), StoreFixture.newChannel("fresh"),
                StoreFixture.newChannel("back"),
                // Its access token ended long ago, and its refresh token still brings the next one.
                StoreFixture.newChannel("expired", expires: Date() - 86_400 * 60),
                StoreFixture.newChannel("paused", expires: Date() - 86_400 * 60, status: .paused))
            for id in ["old", "fresh", "back"] as [ChannelID] {
                _ = try await store.disconnect(id, tenantID: nil, purge: false, actor: "test")
            }
            _ = try await fixture.row(
                "UPDATE channels SET disconnected_at = now() - interval '8 days' WHERE id IN ('old', 'back') RETURNING 1 AS n"
            )
            try await store.insert([StoreFixture.newChannel("back")], replacing: true, actor: "test")
            #expect(try await store.countForCleanup(.secrets, policy) == 1)
            #expect(try await store.clean(.secrets, policy) == 1)
            #expect(try await fixture.count("credentials WHERE NOT has_refresh_token") == 1)
            #expect(try await store.channel("old", tenantID: nil)?.hasRefreshToken == false)
            #expect(try await store.channel("old", tenantID: nil)?.parameters == ["subdomain": "acme"])
            for id in ["expired", "paused", "back"] as [ChannelID] {
                let grant = try #require(try await store.grant(of: id, tenantID: nil))
                #expect(grant.credential.refreshToken?.reveal() == "rt-0", "\(id)")
            }
            #expect(try await fixture.count("channels WHERE shredded_at IS NOT NULL") == 1)
            #expect(try await fixture.count("grant_fingerprints WHERE channel_id = 'old'") == 0)
            #expect(try await fixture.writtenAgree())
            let last = try #require(try await store.history(of: "old", tenantID: nil, HistoryQuery(limit: 1))?.first)
            #expect(last.outcome == "shredded" && last.actor == "cleanup")
            #expect(try await store.clean(.secrets, policy) == 0)
            // Connected again, and disconnected with its secrets at once: there is nothing left to do.
            try await store.insert([StoreFixture.newChannel("old")], replacing: true, actor: "test")
            #expect(try await fixture.count("channels WHERE shredded_at IS NOT NULL") == 0)
            _ = try await store.disconnect("old", tenantID: nil, purge: true, actor: "test")
            _ = try await fixture.row(
                "UPDATE channels SET disconnected_at = now() - interval '8 days' WHERE id = 'old' RETURNING 1 AS n")
            #expect(try await store.clean(.secrets, policy) == 0)
        }
    }

    @Test func `an answer in flight for a shredded channel is refused`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            try await fixture.add(StoreFixture.newChannel("a"))
            let claim = try #require(try await fixture.claimOne("a"))
            _ = try await store.disconnect("a", tenantID: nil, purge: false, actor: "test")
            _ = try await fixture.row(
                "UPDATE channels SET disconnected_at = now() - interval '8 days' RETURNING 1 AS n")
            #expect(try await store.clean(.secrets, policy) == 1)
            #expect(try await store.complete([fixture.success(claim)]) != [.stored])
            #expect(try await fixture.writtenAgree())
        }
    }

    @Test func `a cleanup of twenty thousand channels reads the old rows, not the tables`() async throws {
        try await StoreFixture.with(size: 1) { fixture in
            try await store(fixture, rows: 20_000)
            let before = try await fixture.sequentialScans(["audit", "changes", "schedule", "credentials"])
            #expect(try await fixture.store.countForCleanup(.audit, policy) == 20_000)
            #expect(try await fixture.store.countForCleanup(.changes, policy) == 1000)
            #expect(try await fixture.store.countForCleanup(.secrets, policy) == 50)
            #expect(try await fixture.store.clean(.audit, policy) == 20_000)
            #expect(try await fixture.store.clean(.changes, policy) == 1000)
            #expect(try await fixture.sequentialScans(["audit", "changes", "schedule", "credentials"]) == before)
            #expect(try await fixture.count("audit") == 40_000)
        }
    }

    /// Three rows of audit for each channel, one of them old; many changes, few of them old.
    private func store(_ fixture: StoreFixture, rows: Int) async throws {
        try await fixture.store.pool.withConnection { connection in
            try await connection.execute(
                """
                INSERT INTO channels (id, provider, disconnected_at)
                SELECT 'c' || n, 'oauth2', CASE WHEN n <= 50 THEN now() - interval '9 days' END
                  FROM generate_series(1, \(rows)) n;
                INSERT INTO audit (channel_id, attempt, outcome, at, actor)
                SELECT 'c' || n, (extract(epoch FROM now() - d * interval '20 days') * 1000000)::int8, 'renewed',
                       now() - d * interval '20 days', 'scheduler'
                  FROM generate_series(1, \(rows)) n, generate_series(0, 2) d;
                INSERT INTO changes (actor, action, subject, at)
                SELECT 'test', 'x', 'y', now() - CASE WHEN n <= 1000 THEN interval '40 days' ELSE interval '1 day' END
                  FROM generate_series(1, 50000) n;
                """)
            try await connection.execute("ANALYZE")
        }
    }
}

extension StoreFixture {
    /// One row or more for each step, beside one that must stay.
    fileprivate func fillForCleanup() async throws {
        try await add(StoreFixture.newChannel("a"), StoreFixture.newChannel("b"))
        for id in ["a", "b"] as [ChannelID] {
            _ = try await store.disconnect(id, tenantID: nil, purge: false, actor: "test")
        }
        try await store.pool.withConnection { connection in
            try await connection.execute(
                """
                UPDATE channels SET disconnected_at = now() - interval '8 days' WHERE id = 'a';
                INSERT INTO audit (channel_id, attempt, outcome, at, actor)
                SELECT id, (extract(epoch FROM now() - interval '31 days') * 1000000)::int8, 'renewed',
                       now() - interval '31 days', 'scheduler' FROM channels;
                INSERT INTO changes (actor, action, subject, at)
                SELECT 'test', 'x', 'y', now() - n * interval '20 days' FROM generate_series(1, 3) n;
                INSERT INTO jobs (id, kind, state, request, actor, finished_at)
                SELECT s || n, 'sweep', s, '{}', 'test', now() - n * interval '1 minute'
                  FROM unnest(ARRAY['completed', 'failed', 'cancelled']) s, generate_series(1, 4) n;
                INSERT INTO jobs (id, kind, state, request, actor) VALUES ('open', 'sweep', 'waiting', '{}', 'test');
                INSERT INTO authorizations (state_hash, state, channel_id, tenant_id, provider, app_id, actor, signed_in,
                                            created_at, finished_at) VALUES
                    ('a', 'stored', 'a', 'default', 'oauth2', 'oauth2', 'test', false, now() - interval '31 days', now() - interval '31 days'),
                    ('b', 'stored', 'a', 'default', 'oauth2', 'oauth2', 'test', false, now(), now()),
                    ('c', 'exchanged', 'a', 'default', 'oauth2', 'oauth2', 'test', false, now() - interval '2 days', NULL),
                    ('d', 'exchanged', 'a', 'default', 'oauth2', 'oauth2', 'test', false, now(), NULL),
                    ('e', 'redeeming', 'a', 'default', 'oauth2', 'oauth2', 'test', false, now() - interval '8 days', NULL);
                INSERT INTO event (channel_id, kind, expanded_at) VALUES ('a', 'warning', now() - interval '31 days'),
                    ('a', 'warning', now()), ('a', 'warning', NULL);
                INSERT INTO destinations (id, name, kind, kid, sealed, removed_at) VALUES
                    ('gone', 'x', 'webhook', 'none', '', now() - interval '31 days'), ('here', 'x', 'webhook', 'none', '', NULL);
                INSERT INTO incidents (cause, cause_kind, cause_id, reason, severity, closed_at) VALUES
                    ('1', 'channel', 'a', 'x', 'warning', now() - interval '31 days'),
                    ('2', 'channel', 'a', 'x', 'warning', now() - interval '31 days'), ('3', 'channel', 'a', 'x', 'warning', NULL);
                INSERT INTO deliveries (id, destination_id, kind, type, state, run_at, finished_at) VALUES
                    ('old', 'gone', 'opened', 'x', 'sent', now(), now() - interval '31 days'),
                    ('new', 'here', 'opened', 'x', 'sent', now(), now());
                INSERT INTO delivery_items (delivery_id, incident_id, destination_id, recipient, seq)
                SELECT 'old', id, 'gone', '', 1 FROM incidents WHERE cause = '1'
                UNION ALL SELECT 'new', id, 'here', '', 1 FROM incidents WHERE cause = '2';
                INSERT INTO delivery_attempts (delivery_id, n, outcome, code, message, ms)
                SELECT id, n, 'retried', '500', 'x', 1 FROM (VALUES ('old', 1), ('old', 2), ('new', 1)) AS a (id, n);
                """)
        }
    }

    /// How many rows each table has, and the newest attempt.
    fileprivate func contents() async throws -> [Int64] {
        let tables = [
            "audit", "changes", "jobs", "authorizations", "event", "destinations", "incidents", "deliveries",
            "grant_fingerprints", "authorizations WHERE state = 'exchanged'", "channels WHERE shredded_at IS NULL",
        ]
        var numbers: [Int64] = []
        for table in tables { numbers.append(Int64(try await count(table))) }
        numbers.append(try await row("SELECT max(attempt) AS n FROM schedule")?.int8("n") ?? 0)
        return numbers
    }

    /// How often these tables were read as a whole.
    func sequentialScans(_ tables: [String]) async throws -> Int64 {
        try await store.pool.withConnection { connection in
            // The one session of this pool sends its counters before it reads them.
            try await connection.query("SELECT pg_stat_force_next_flush()")
            return try await connection.query(
                """
                SELECT sum(seq_scan)::int8 AS n FROM pg_stat_user_tables
                 WHERE schemaname = current_schema() AND relname = ANY ($1)
                """, [.textArray(tables)]
            ).rows[0].int8("n")
        }
    }
}
