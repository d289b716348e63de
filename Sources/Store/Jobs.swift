package import Domain
import FoundationEssentials
import Postgres

/// Jobs as those who ask for them see them; the workers' side is in `JobClaims.swift`.
extension Store: JobStore {
    package func insertJob(
        _ work: JobWork, id: String, tenantID: String?, delay: Duration, actor: AuditActor
    ) async throws {
        try await transaction { connection in
            try await insertJob(
                work, id: id, tenantID: tenantID, delay: delay, actor: actor.name, slot: nil, on: connection)
            try await note(
                AuditChange(action: "job.created", tenantID: tenantID, subject: id, detail: work.kind.rawValue),
                by: actor, on: connection)
        }
    }

    func insertJob(
        _ work: JobWork, id: String, tenantID: String?, delay: Duration, actor: String,
        slot: (scheduleID: String, at: Date)?, on connection: PostgresConnection
    ) async throws {
        try await connection.query(
            """
            INSERT INTO jobs (id, kind, state, tenant_id, request, actor, run_at, schedule_id)
            VALUES ($1, $2, 'waiting', $3, $4::jsonb, $5, coalesce($8, now() + make_interval(secs => $6)), $7)
            """,
            [
                .text(id), .text(work.kind.rawValue), tenantID.map { .text($0) } ?? .null, .text(try work.request()),
                .text(actor), .float8(delay.seconds), slot.map { .text($0.scheduleID) } ?? .null,
                slot.map { .timestamptz($0.at) } ?? .null,
            ])
    }

    private static let jobSelect = """
        SELECT id, kind, CASE WHEN state = 'waiting' AND run_at > now() THEN 'delayed' ELSE state END AS state, tenant_id,
               processed, total, succeeded, failed, skipped, cleanup::text AS cleanup, error, created_at, run_at,
               finished_at FROM jobs
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
        // A condition of its own for each caller: the index of states answers both without a row of the table.
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT state, count(*) FILTER (WHERE state <> 'waiting' OR run_at <= now()) AS n,
                       count(*) FILTER (WHERE state = 'waiting' AND run_at > now()) AS delayed
                  FROM jobs \(tenantID == nil ? "" : "WHERE tenant_id = $1") GROUP BY state
                """, tenantID.map { [.text($0)] } ?? [])
        }
        var counts: [Job.State: Int] = [:]
        for row in result.rows {
            guard let state = Job.State(rawValue: try row.text("state")) else { continue }
            counts[state] = Int(try row.int8("n"))
            if state == .waiting { counts[.delayed] = Int(try row.int8("delayed")) }
        }
        return counts.filter { $0.value > 0 }
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

    private static func job(_ row: PostgresRow) throws -> Job {
        Job(
            id: try row.text("id"), kind: JobWork.Kind(rawValue: try row.text("kind")) ?? .refresh,
            state: Job.State(rawValue: try row.text("state")) ?? .waiting, tenantID: try row.textOrNil("tenant_id"),
            processed: Int(try row.int8("processed")), total: try row.int8OrNil("total").map { Int($0) },
            succeeded: Int(try row.int8("succeeded")), failed: Int(try row.int8("failed")),
            skipped: Int(try row.int8("skipped")), results: [],
            cleanup: try row.textOrNil("cleanup").map {
                try JSONDecoder().decode(CleanupReport.self, from: Data($0.utf8))
            }, error: try row.textOrNil("error"), createdAt: try row.date("created_at"), runAt: try row.date("run_at"),
            finishedAt: try row.dateOrNil("finished_at"))
    }
}
