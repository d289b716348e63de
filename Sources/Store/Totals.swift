package import Domain
import FoundationEssentials
import Postgres

/// Channels by provider and status from counters; see migration 0003.
extension Store {
    package func totals() async throws -> ChannelTotals {
        let (counts, soonest, overdue) = try await pool.withConnection { connection in
            let counts = try await connection.query(
                """
                SELECT provider, status, sum(n)::int8 AS total FROM (
                    SELECT provider, status, total AS n FROM channel_counts
                    UNION ALL SELECT provider, status, change FROM channel_count_changes) x
                 GROUP BY provider, status HAVING sum(n) > 0
                """)
            let providers = Set(try counts.rows.map { try $0.text("provider") }).sorted()
            // The soonest due channel of a provider stands for its soonest expiry: the same order but for jitter.
            let soonest = try await connection.query(
                """
                SELECT p AS provider, d.due_at, d.access_expires_at, now() AS now FROM unnest($1::text[]) p
                  LEFT JOIN LATERAL (
                    SELECT s.due_at, k.access_expires_at FROM schedule s JOIN credentials k USING (channel_id)
                     WHERE s.provider = p AND s.due_at IS NOT NULL AND s.status = 1 ORDER BY s.due_at LIMIT 1) d ON true
                """, [.textArray(providers)])
            let overdue = try await connection.query(
                """
                SELECT count(*) AS n, now() AS now FROM (
                    SELECT 1 FROM unnest($1::text[]) p CROSS JOIN LATERAL (
                        SELECT 1 FROM schedule s WHERE s.provider = p AND s.due_at < now() - interval '60 seconds'
                           AND s.lease_until IS NULL LIMIT 10000) o LIMIT 10000) x
                """, [.textArray(providers)])
            return (counts, soonest, overdue)
        }
        var totals = ChannelTotals(
            providers: [:], overdue: Int(try overdue.rows[0].int8("n")), nextDueAt: nil,
            databaseTime: try overdue.rows[0].date("now"))
        for row in counts.rows {
            guard let status = ChannelStatus(rawValue: try row.int2("status")) else { continue }
            totals.providers[try row.text("provider"), default: .init()].counts[status] = Int(try row.int8("total"))
        }
        for row in soonest.rows {
            totals.providers[try row.text("provider")]?.expiresAt = try row.dateOrNil("access_expires_at")
            if let dueAt = try row.dateOrNil("due_at") { totals.nextDueAt = min(totals.nextDueAt ?? dueAt, dueAt) }
        }
        return totals
    }

    /// Folds the appended differences into the counters; any replica may, at any time.
    package func foldTotals() async throws {
        _ = try await transaction { connection in
            try await connection.query(
                """
                WITH taken AS (DELETE FROM channel_count_changes WHERE ctid = ANY (ARRAY(
                                 SELECT ctid FROM channel_count_changes LIMIT 10000 FOR UPDATE SKIP LOCKED))
                               RETURNING provider, status, change)
                INSERT INTO channel_counts (provider, status, total)
                SELECT provider, status, sum(change) FROM taken GROUP BY provider, status ORDER BY provider, status
                ON CONFLICT (provider, status) DO UPDATE SET total = channel_counts.total + excluded.total
                """)
        }
    }
}
