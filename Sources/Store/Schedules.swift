package import Domain
package import FoundationEssentials
import Postgres

/// Schedules: a slot is taken by moving `next_at` in the transaction that inserts its job, so that over any number of
/// replicas each slot is one job or is counted as skipped.
extension Store: ScheduleStore {
    private static let scheduleSelect = """
        SELECT id, kind, tenant_id, request::text AS request, interval_seconds, cron, time_zone, anchor_at, next_at,
               last_at, last_job_id, turn, runs, skipped, actor, is_setting, created_at FROM schedules
        """

    package func insertSchedule(_ schedule: NewSchedule, actor: AuditActor) async throws -> Bool {
        try await transaction { connection in
            let tenant: PostgresValue = schedule.tenantID.map { .text($0) } ?? .null
            let count = try await connection.query(
                "SELECT count(*) AS n FROM schedules WHERE tenant_id IS NOT DISTINCT FROM $1 AND NOT is_setting",
                [tenant])
            guard try count.rows[0].int8("n") < Schedule.perTenantMax else { return false }
            try await insert(schedule, actor: actor.name, isSetting: false, on: connection)
            try await note(
                AuditChange(
                    action: "schedule.created", tenantID: schedule.tenantID, subject: schedule.id,
                    detail: schedule.time.words), by: actor, on: connection)
            return true
        }
    }

    private func insert(
        _ schedule: NewSchedule, actor: String, isSetting: Bool, on connection: PostgresConnection
    ) async throws {
        let (interval, cron, zone): (PostgresValue, PostgresValue, PostgresValue) =
            switch schedule.time {
            case .every(let interval): (.int8(max(1, interval.components.seconds)), .null, .null)
            case .cron(let cron, let zone): (.null, .text(cron), .text(zone))
            }
        try await connection.query(
            """
            INSERT INTO schedules (id, kind, tenant_id, request, interval_seconds, cron, time_zone, anchor_at, next_at,
                                   actor, is_setting)
            VALUES ($1, $2, $3, $4::jsonb, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING
            """,
            [
                .text(schedule.id), .text(schedule.work.kind.rawValue), schedule.tenantID.map { .text($0) } ?? .null,
                .text(try schedule.work.request()), interval, cron, zone, .timestamptz(schedule.anchorAt),
                schedule.nextAt.map { .timestamptz($0) } ?? .null, .text(actor), .bool(isSetting),
            ])
    }

    package func schedule(_ id: String, tenantID: String?) async throws -> Schedule? {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                "\(Self.scheduleSelect) WHERE id = $1 AND ($2::text IS NULL OR tenant_id = $2)",
                [.text(id), tenantID.map { .text($0) } ?? .null])
        }
        return try result.rows.first.flatMap(Self.schedule)
    }

    package func schedules(tenantID: String?, after cursor: String?, limit: Int) async throws -> [Schedule] {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                \(Self.scheduleSelect) WHERE id > $1 AND ($2::text IS NULL OR tenant_id = $2)
                 ORDER BY id LIMIT \(min(max(limit, 1), 501))
                """, [.text(cursor ?? ""), tenantID.map { .text($0) } ?? .null])
        }
        return try result.rows.compactMap(Self.schedule)
    }

    package func removeSchedule(_ id: String, tenantID: String?, actor: AuditActor) async throws -> ScheduleRemoval {
        try await transaction { connection in
            let found = try await connection.query(
                """
                SELECT is_setting, tenant_id FROM schedules WHERE id = $1 AND ($2::text IS NULL OR tenant_id = $2)
                   FOR UPDATE
                """, [.text(id), tenantID.map { .text($0) } ?? .null])
            guard let row = found.rows.first else { return .unknown }
            guard try !row.bool("is_setting") else { return .ofSettings }
            try await connection.query("DELETE FROM schedules WHERE id = $1", [.text(id)])
            try await note(
                AuditChange(action: "schedule.removed", tenantID: try row.textOrNil("tenant_id"), subject: id),
                by: actor, on: connection)
            return .removed
        }
    }

    package func removeSchedules(ofTenant tenantID: String, actor: AuditActor) async throws -> Int {
        try await transaction { connection in
            let removed = try await connection.query(
                "DELETE FROM schedules WHERE tenant_id = $1 AND NOT is_setting RETURNING id", [.text(tenantID)])
            for row in removed.rows {
                try await note(
                    AuditChange(action: "schedule.removed", tenantID: tenantID, subject: try row.text("id")), by: actor,
                    on: connection)
            }
            return removed.rows.count
        }
    }

    package func putConfiguredSchedules(_ schedules: [NewSchedule]) async throws {
        _ = try await transaction { connection in
            // Replicas that start together take turns.
            try await connection.query("SELECT pg_advisory_xact_lock(7246110520260009)")
            try await connection.query(
                "DELETE FROM schedules WHERE is_setting AND id <> ALL ($1)", [.textArray(schedules.map(\.id))])
            for schedule in schedules {
                try await insert(schedule, actor: "settings", isSetting: true, on: connection)
            }
        }
    }

    package func dueSchedules(limit: Int) async throws -> DueSchedules {
        let (due, next) = try await pool.withConnection { connection in
            let due = try await connection.query(
                "\(Self.scheduleSelect) WHERE next_at <= now() ORDER BY next_at LIMIT \(min(max(limit, 1), 501))")
            let next = try await connection.query(
                "SELECT now() AS now, (SELECT min(next_at) FROM schedules WHERE next_at > now()) AS next")
            return (due, next.rows[0])
        }
        var answer = DueSchedules(due: [], next: try next.dateOrNil("next"), databaseTime: try next.date("now"))
        for row in due.rows {
            if let schedule = try Self.schedule(row) {
                answer.due.append(schedule)
            } else {
                // A row that cannot be read is looked at again by whoever can, and stands before nobody.
                _ = try await transaction { connection in
                    try await connection.query(
                        "UPDATE schedules SET next_at = now() + interval '1 hour', turn = turn + 1 WHERE id = $1 AND turn = $2",
                        [.text(try row.text("id")), .int8(try row.int8("turn"))])
                }
            }
        }
        return answer
    }

    package func takeSlot(of schedule: Schedule, next: Date?) async throws -> SlotEnd {
        try await transaction { connection in
            let taken = try await connection.query(
                "SELECT last_job_id FROM schedules WHERE id = $1 AND turn = $2 AND next_at <= now() FOR UPDATE SKIP LOCKED",
                [.text(schedule.id), .int8(schedule.turn)])
            guard let row = taken.rows.first else { return .lost }
            let unfinished = try await connection.query(
                "SELECT 1 AS one FROM jobs WHERE id = $1 AND state IN ('waiting', 'active')",
                [try row.textOrNil("last_job_id").map { .text($0) } ?? .null])
            let job = unfinished.rows.isEmpty ? Job.generatedID() : nil
            try await connection.query(
                """
                UPDATE schedules SET turn = turn + 1, next_at = $2,
                       runs = runs + CASE WHEN $3::text IS NULL THEN 0 ELSE 1 END,
                       skipped = skipped + CASE WHEN $3::text IS NULL THEN 1 ELSE 0 END,
                       last_at = CASE WHEN $3::text IS NULL THEN last_at ELSE now() END,
                       last_job_id = coalesce($3, last_job_id) WHERE id = $1
                """,
                [
                    .text(schedule.id), next.map { .timestamptz($0) } ?? .null, job.map { .text($0) } ?? .null,
                ])
            guard let job else { return .skipped }
            // The audit's word for what nobody asked for at the moment: “Token refreshed automatically”.
            try await insertJob(
                schedule.work, id: job, tenantID: schedule.tenantID, delay: .zero, actor: "scheduler",
                slot: schedule.nextAt.map { (schedule.id, $0) }, on: connection)
            return .started(jobID: job)
        }
    }

    /// Nil for a row of a newer version, or one that was written from outside.
    private static func schedule(_ row: PostgresRow) throws -> Schedule? {
        guard let work = try? JobWork(kind: try row.text("kind"), request: try row.text("request")) else { return nil }
        let time: ScheduleTime =
            if let cron = try row.textOrNil("cron") {
                .cron(cron, timeZone: try row.textOrNil("time_zone") ?? "UTC")
            } else {
                .every(.seconds(try row.int8OrNil("interval_seconds") ?? 60))
            }
        return Schedule(
            id: try row.text("id"), work: work, tenantID: try row.textOrNil("tenant_id"), time: time,
            anchorAt: try row.date("anchor_at"), nextAt: try row.dateOrNil("next_at"),
            lastAt: try row.dateOrNil("last_at"), lastJobID: try row.textOrNil("last_job_id"),
            runs: Int(try row.int8("runs")), skipped: Int(try row.int8("skipped")), actor: try row.text("actor"),
            isSetting: try row.bool("is_setting"), createdAt: try row.date("created_at"), turn: try row.int8("turn"))
    }
}

extension ScheduleTime {
    /// For the audit log.
    fileprivate var words: String {
        switch self {
        case .every(let interval): "every \(interval.components.seconds) s"
        case .cron(let cron, let zone): "\(cron) \(zone)"
        }
    }
}
