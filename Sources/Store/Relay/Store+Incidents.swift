package import Domain
import FoundationEssentials
import Postgres

/// Reading incidents.
extension Store: RelayStore, RelayDirectory {
    package func incidents(_ query: IncidentQuery) async throws -> [Incident] {
        try await read(
            """
            WHERE ($1::text IS NULL OR n.tenant_id = $1)
              AND ($2::bool IS NULL OR (n.closed_at IS NULL) = $2)
              AND ($3::text IS NULL OR EXISTS (SELECT 1 FROM incident_members m
                                                WHERE m.incident_id = n.id AND m.channel_id = $3))
              AND ($4::int8 IS NULL OR n.id < $4)
            ORDER BY n.id DESC LIMIT $5
            """,
            [
                query.tenantID.map { .text($0) } ?? .null, query.isOpen.map { .bool($0) } ?? .null,
                query.channelID.map { .text($0.rawValue) } ?? .null, query.before.map { .int8($0) } ?? .null,
                .int8(Int64(min(max(query.limit, 1), 500))),
            ])
    }

    package func incident(_ id: Int64, tenantID: String?) async throws -> Incident? {
        try await read(
            "WHERE n.id = $1 AND ($2::text IS NULL OR n.tenant_id = $2)",
            [.int8(id), tenantID.map { .text($0) } ?? .null]
        ).first
    }

    package func openIncident(of channel: ChannelID) async throws -> Incident? {
        try await read(
            """
            WHERE n.cause_kind = 'channel' AND n.cause_id = $1 AND n.closed_at IS NULL
            ORDER BY n.severity = 'critical' DESC, n.id DESC LIMIT 1
            """, [.text(channel.rawValue)]
        ).first
    }

    /// By these ids, newest first.
    func incidents(_ ids: [Int64]) async throws -> [Incident] {
        try await read("WHERE n.id = ANY ($1) ORDER BY n.id DESC LIMIT 1000", [.int8Array(ids)])
    }

    private func read(_ condition: String, _ parameters: [PostgresValue]) async throws -> [Incident] {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT n.id, n.cause_kind, n.cause_id, n.reason, n.severity, n.provider, n.tenant_id, n.app_id, n.code,
                       n.message, n.parent_id, n.opened_at, n.closed_at, n.title, n.link, n.deadline_at, n.acked_at,
                       n.acked_by, n.ack_note, n.remind_at, n.reminders, n.escalated_at,
                       ARRAY(SELECT m.channel_id FROM incident_members m WHERE m.incident_id = n.id
                                AND m.channel_id <> '' ORDER BY m.channel_id LIMIT 500) AS members
                  FROM incidents n \(condition)
                """, parameters)
        }
        return try result.rows.map { row in
            try Self.incident(row)
        }
    }

    private static func incident(_ row: PostgresRow) throws -> Incident {
        var incident = Incident(
            id: try row.int8("id"), cause: try IncidentCause(row),
            severity: Severity(rawValue: try row.text("severity")) ?? .critical,
            provider: try row.textOrNil("provider"), tenantID: try row.textOrNil("tenant_id"),
            appID: try row.textOrNil("app_id"), code: try row.textOrNil("code"),
            message: try row.textOrNil("message"), parentID: try row.int8OrNil("parent_id"),
            openedAt: try row.date("opened_at"), closedAt: try row.dateOrNil("closed_at"),
            members: try row.textArray("members").compactMap { $0.map(ChannelID.init(rawValue:)) })
        incident.title = try row.textOrNil("title")
        incident.link = try row.textOrNil("link")
        incident.deadline = try row.dateOrNil("deadline_at")
        if let at = try row.dateOrNil("acked_at") {
            incident.acknowledgement = Incident.Acknowledgement(
                by: try row.textOrNil("acked_by") ?? "", at: at, note: try row.textOrNil("ack_note"))
        }
        incident.nextReminderAt = incident.isOpen ? try row.dateOrNil("remind_at") : nil
        incident.reminders = Int(try row.int4("reminders"))
        incident.escalatedAt = try row.dateOrNil("escalated_at")
        return incident
    }
}
