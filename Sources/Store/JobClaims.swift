package import Domain
import FoundationEssentials
import Postgres

/// Jobs as their workers see them: claimed with a lease, fenced by the claim's number, resumed after the last channel
/// that was done.
extension Store {
    package func claimJob(lease: Duration) async throws -> JobClaim? {
        while true {
            let result = try await transaction { connection in
                try await connection.query(
                    """
                    WITH next AS MATERIALIZED (
                      SELECT id FROM jobs WHERE state IN ('waiting', 'active') AND run_at <= now()
                         AND (lease_until IS NULL OR lease_until < now())
                       ORDER BY run_at LIMIT 1 FOR UPDATE SKIP LOCKED)
                    UPDATE jobs j SET state = 'active', attempt = attempt + 1,
                           lease_until = now() + make_interval(secs => $1)
                      FROM next WHERE j.id = next.id
                    RETURNING j.id, j.tenant_id, j.kind, j.attempt, j.request::text AS request, j.actor, j.cursor, j.tries
                    """, [.float8(lease.seconds)])
            }
            guard let row = result.rows.first else { return nil }
            var claim = JobClaim(
                jobID: try row.text("id"), tenantID: try row.textOrNil("tenant_id"), attempt: try row.int8("attempt"),
                work: .sweep, actor: try row.text("actor"),
                cursor: try row.textOrNil("cursor").map { ChannelID(rawValue: $0) },
                tries: Int(try row.int4("tries")))
            do {
                claim.work = try JobWork(kind: try row.text("kind"), request: try row.text("request"))
                return claim
            } catch {
                // It would stand in front of all others for ever.
                try await noteFailedTry(of: claim, because: "Its request cannot be read: \(error)", retryAfter: nil)
            }
        }
    }

    package func holdJob(_ claim: JobClaim, lease: Duration) async throws -> Bool {
        try await transaction { connection in
            try await connection.query(
                """
                UPDATE jobs SET lease_until = now() + make_interval(secs => $3)
                 WHERE id = $1 AND attempt = $2 AND state = 'active' RETURNING id
                """, [.text(claim.jobID), .int8(claim.attempt), .float8(lease.seconds)]
            ).rows.isEmpty == false
        }
    }

    package func nextChannels(of claim: JobClaim, limit: Int) async throws -> [ChannelID] {
        guard let order = claim.work.order else { return [] }
        let filter = """
            FROM channels c JOIN schedule s ON s.channel_id = c.id
             WHERE s.status <> 4 AND ($1::text IS NULL OR c.tenant_id = $1) AND ($2::text IS NULL OR c.user_id = $2)
               AND ($3::text IS NULL OR c.provider = $3) AND ($4::text[] IS NULL OR c.id = ANY ($4))
            """
        let parameters: [PostgresValue] =
            [order.tenantID, order.userID, order.provider].map { $0.map { .text($0) } ?? .null }
            + [order.channelIDs.map { .textArray($0.map(\.rawValue)) } ?? .null]
        let result = try await transaction { connection in
            if claim.cursor == nil {
                let count = try await connection.query("SELECT count(*)::int8 AS n \(filter)", parameters)
                try await connection.query(
                    "UPDATE jobs SET total = $3 WHERE id = $1 AND attempt = $2 AND total IS NULL",
                    [.text(claim.jobID), .int8(claim.attempt), .int8(try count.rows[0].int8("n"))])
            }
            return try await connection.query(
                "SELECT c.id \(filter) AND c.id > $5 ORDER BY c.id LIMIT \(limit)",
                parameters + [.text(claim.cursor?.rawValue ?? "")])
        }
        return try result.rows.map { ChannelID(rawValue: try $0.text("id")) }
    }

    package func advanceJob(
        _ claim: JobClaim, past cursor: ChannelID, _ reports: [RefreshReport], lease: Duration
    ) async throws -> Bool {
        try await transaction { connection in
            let fence = try await connection.query(
                """
                UPDATE jobs SET cursor = $3, processed = processed + $4, succeeded = succeeded + $5, failed = failed + $6,
                       skipped = skipped + $7, tries = 0, error = NULL,
                       lease_until = now() + make_interval(secs => $8)
                 WHERE id = $1 AND attempt = $2 AND state = 'active' RETURNING processed
                """,
                [
                    .text(claim.jobID), .int8(claim.attempt), .text(cursor.rawValue), .int8(Int64(reports.count)),
                    .int8(Int64(reports.count { $0.result == .succeeded })),
                    .int8(Int64(reports.count { $0.result == .failed })),
                    .int8(Int64(reports.count { $0.result == .skipped })), .float8(lease.seconds),
                ])
            guard let done = try fence.rows.first.map({ Int(try $0.int8("processed")) }) else { return false }
            let first = done - reports.count
            let kept = Array(reports.prefix(max(0, Job.resultsMax - first)))
            guard !kept.isEmpty else { return true }
            try await connection.query(
                """
                INSERT INTO job_results (job_id, n, channel_id, outcome, reason, message, expires_at, next_refresh_at,
                                         provider_request_id)
                SELECT $1, i.* FROM unnest($2::int4[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
                                           $8::timestamptz[], $9::text[]) i
                ON CONFLICT DO NOTHING
                """,
                [
                    .text(claim.jobID), .int4Array(kept.indices.map { Int32(first + $0) }),
                    .textArray(kept.map(\.channelID.rawValue)), .textArray(kept.map(\.outcome.rawValue)),
                    .textArray(kept.map(\.reason)), .textArray(kept.map(\.message)),
                    .timestamptzArray(kept.map(\.expiresAt)), .timestamptzArray(kept.map(\.nextRefreshAt)),
                    .textArray(kept.map(\.providerRequestID)),
                ])
            return true
        }
    }

    package func finishJob(_ claim: JobClaim, cleanup: CleanupReport?) async throws {
        let report = try cleanup.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) }
        _ = try await transaction { connection in
            try await connection.query(
                """
                UPDATE jobs SET state = 'completed', finished_at = now(), lease_until = NULL, error = NULL,
                       cleanup = $3::jsonb, processed = processed + $4
                 WHERE id = $1 AND attempt = $2 AND state = 'active'
                """,
                [
                    .text(claim.jobID), .int8(claim.attempt), report.map { .text($0) } ?? .null,
                    .int8(Int64(cleanup?.total ?? 0)),
                ])
        }
    }

    package func noteFailedTry(
        of claim: JobClaim, because sentence: String, retryAfter delay: Duration?
    ) async throws {
        _ = try await transaction { connection in
            try await connection.query(
                """
                UPDATE jobs SET state = CASE WHEN $4::float8 IS NULL THEN 'failed' ELSE 'waiting' END, tries = tries + 1,
                       error = $3, finished_at = CASE WHEN $4::float8 IS NULL THEN now() END, lease_until = NULL,
                       run_at = CASE WHEN $4::float8 IS NULL THEN run_at ELSE now() + make_interval(secs => $4) END
                 WHERE id = $1 AND attempt = $2 AND state = 'active'
                """,
                [
                    .text(claim.jobID), .int8(claim.attempt), .text(String(sentence.prefix(300))),
                    delay.map { .float8($0.seconds) } ?? .null,
                ])
        }
    }

    package func releaseJob(_ claim: JobClaim, delay: Duration) async throws {
        _ = try await transaction { connection in
            try await connection.query(
                """
                UPDATE jobs SET state = 'waiting', lease_until = NULL, run_at = now() + make_interval(secs => $3)
                 WHERE id = $1 AND attempt = $2 AND state = 'active'
                """, [.text(claim.jobID), .int8(claim.attempt), .float8(delay.seconds)])
        }
    }

    /// Who waits for a job's end looks again within this time.
    static let pruneAfter = "interval '2 seconds'"

    package func pruneJobs(ofTenant tenantID: String?, keeping: JobRetention) async throws {
        for (state, kept) in [
            ("completed", keeping.completed), ("failed", keeping.failed), ("cancelled", keeping.failed),
        ] {
            _ = try await transaction { connection in
                // The oldest first, up to the newest one that is not kept.
                try await connection.query(
                    """
                    DELETE FROM jobs WHERE id = ANY (ARRAY(
                        SELECT id FROM jobs WHERE coalesce(tenant_id, '') = $1 AND state = $2
                           AND finished_at <= (SELECT finished_at FROM jobs WHERE coalesce(tenant_id, '') = $1
                               AND state = $2 AND finished_at IS NOT NULL ORDER BY finished_at DESC, id DESC
                               OFFSET $3 LIMIT 1)
                           AND finished_at < now() - \(Self.pruneAfter) ORDER BY finished_at, id LIMIT 1000))
                    """, [.text(tenantID ?? ""), .text(state), .int8(Int64(kept))])
            }
        }
    }
}
