package import Domain
import FoundationEssentials
import Postgres

/// Jobs: claimed with a lease, fenced by the claim's number, resumed after the last channel that was done.
extension Store: JobStore {
    package func insertJob(
        _ order: RefreshOrder, id: String, tenantID: String?, delay: Duration, actor: AuditActor
    ) async throws {
        let request = String(decoding: try JSONEncoder().encode(order), as: UTF8.self)
        try await transaction { connection in
            try await connection.query(
                """
                INSERT INTO jobs (id, kind, state, tenant_id, request, actor, run_at)
                VALUES ($1, 'refresh', 'waiting', $2, $3::jsonb, $4, now() + make_interval(secs => $5))
                """,
                [
                    .text(id), tenantID.map { .text($0) } ?? .null, .text(request), .text(actor.name),
                    .float8(delay.seconds),
                ])
            try await note(
                AuditChange(action: "job.created", tenantID: tenantID, subject: id, detail: "refresh"), by: actor,
                on: connection)
        }
    }

    private static let jobSelect = """
        SELECT id, kind, CASE WHEN state = 'waiting' AND run_at > now() THEN 'delayed' ELSE state END AS state, tenant_id,
               processed, total, succeeded, failed, skipped, created_at, run_at, finished_at FROM jobs
        """

    package func job(_ id: String, tenantID: String?) async throws -> Job? {
        let (job, results) = try await pool.withConnection { connection in
            let job = try await connection.query(
                "\(Self.jobSelect) WHERE id = $1 AND ($2::text IS NULL OR tenant_id = $2)",
                [.text(id), tenantID.map { .text($0) } ?? .null])
            let results = try await connection.query(
                """
                SELECT channel_id, outcome, reason, message, expires_at, next_refresh_at, provider_request_id
                  FROM job_results WHERE job_id = $1 ORDER BY n LIMIT \(Job.resultsMax)
                """, [.text(id)])
            return (job, results)
        }
        guard var found = try job.rows.first.map(Self.job) else { return nil }
        found.results = try results.rows.map { row in
            RefreshReport(
                channelID: ChannelID(rawValue: try row.text("channel_id")),
                outcome: Outcome(rawValue: try row.text("outcome")) ?? .unclassified, reason: try row.text("reason"),
                message: try row.text("message"), expiresAt: try row.dateOrNil("expires_at"),
                nextRefreshAt: try row.dateOrNil("next_refresh_at"),
                providerRequestID: try row.textOrNil("provider_request_id"))
        }
        return found
    }

    package func jobs(_ query: JobQuery) async throws -> [Job] {
        let state: String =
            switch query.state {
            case nil: "true"
            case .delayed?: "state = 'waiting' AND run_at > now()"
            case .waiting?: "state = 'waiting' AND run_at <= now()"
            case let other?: "state = '\(other.rawValue)'"
            }
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                \(Self.jobSelect) WHERE \(state) AND ($1::text IS NULL OR tenant_id = $1)
                   AND ($2::text IS NULL OR (created_at, id) < (SELECT created_at, id FROM jobs WHERE id = $2
                                                                  AND ($1::text IS NULL OR tenant_id = $1)))
                 ORDER BY created_at DESC, id DESC LIMIT \(min(max(query.limit, 1), 501))
                """,
                [query.tenantID, query.before].map { $0.map { .text($0) } ?? .null })
        }
        return try result.rows.map(Self.job)
    }

    package func jobCounts(tenantID: String?) async throws -> [Job.State: Int] {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT state, count(*)::int8 AS n FROM (\(Self.jobSelect)) j
                 WHERE $1::text IS NULL OR tenant_id = $1 GROUP BY state
                """, [tenantID.map { .text($0) } ?? .null])
        }
        var counts: [Job.State: Int] = [:]
        for row in result.rows {
            guard let state = Job.State(rawValue: try row.text("state")) else { continue }
            counts[state] = Int(try row.int8("n"))
        }
        return counts
    }

    package func cancelJob(_ id: String, tenantID: String?, actor: AuditActor) async throws -> Job? {
        try await transaction { connection in
            let cancelled = try await connection.query(
                """
                UPDATE jobs SET state = 'cancelled', finished_at = now(), lease_until = NULL
                 WHERE id = $1 AND ($2::text IS NULL OR tenant_id = $2) AND state IN ('waiting', 'active')
                RETURNING tenant_id
                """, [.text(id), tenantID.map { .text($0) } ?? .null])
            guard let row = cancelled.rows.first else { return }
            try await note(
                AuditChange(action: "job.cancelled", tenantID: try row.textOrNil("tenant_id"), subject: id), by: actor,
                on: connection)
        }
        return try await job(id, tenantID: tenantID)
    }

    package func claimJob(lease: Duration) async throws -> JobClaim? {
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
                RETURNING j.id, j.attempt, j.request::text AS request, j.actor, j.cursor
                """, [.float8(lease.seconds)])
        }
        guard let row = result.rows.first else { return nil }
        return JobClaim(
            jobID: try row.text("id"), attempt: try row.int8("attempt"),
            order: try JSONDecoder().decode(RefreshOrder.self, from: Data(try row.text("request").utf8)),
            actor: try row.text("actor"), cursor: try row.textOrNil("cursor").map { ChannelID(rawValue: $0) })
    }

    package func nextChannels(of claim: JobClaim, limit: Int) async throws -> [ChannelID] {
        let order = claim.order
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
                       skipped = skipped + $7, lease_until = now() + make_interval(secs => $8)
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

    package func finishJob(_ claim: JobClaim, as state: Job.State) async throws {
        _ = try await transaction { connection in
            try await connection.query(
                """
                UPDATE jobs SET state = $3, finished_at = now(), lease_until = NULL
                 WHERE id = $1 AND attempt = $2 AND state = 'active'
                """, [.text(claim.jobID), .int8(claim.attempt), .text(state.rawValue)])
        }
    }

    package func releaseJob(_ claim: JobClaim) async throws {
        _ = try await transaction { connection in
            try await connection.query(
                "UPDATE jobs SET state = 'waiting', lease_until = NULL WHERE id = $1 AND attempt = $2 AND state = 'active'",
                [.text(claim.jobID), .int8(claim.attempt)])
        }
    }

    private static func job(_ row: PostgresRow) throws -> Job {
        Job(
            id: try row.text("id"), kind: try row.text("kind"),
            state: Job.State(rawValue: try row.text("state")) ?? .waiting, tenantID: try row.textOrNil("tenant_id"),
            processed: Int(try row.int8("processed")), total: try row.int8OrNil("total").map { Int($0) },
            succeeded: Int(try row.int8("succeeded")), failed: Int(try row.int8("failed")),
            skipped: Int(try row.int8("skipped")), results: [], createdAt: try row.date("created_at"),
            runAt: try row.date("run_at"), finishedAt: try row.dateOrNil("finished_at"))
    }
}
