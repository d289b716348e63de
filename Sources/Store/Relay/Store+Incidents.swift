package import Domain
package import FoundationEssentials
import Postgres

/// Reading incidents and deliveries, replaying the dead, and deleting what is long over.
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

    private func read(_ condition: String, _ parameters: [PostgresValue]) async throws -> [Incident] {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT n.id, n.cause_kind, n.cause_id, n.reason, n.severity, n.provider, n.tenant_id, n.app_id, n.code,
                       n.message, n.parent_id, n.opened_at, n.closed_at,
                       ARRAY(SELECT m.channel_id FROM incident_members m WHERE m.incident_id = n.id
                                AND m.channel_id <> '' ORDER BY m.channel_id LIMIT 500) AS members
                  FROM incidents n \(condition)
                """, parameters)
        }
        return try result.rows.map { row in
            let target = try DeliveryTarget(row)
            return Incident(
                id: target.incidentID, cause: target.cause, severity: target.severity, provider: target.provider,
                tenantID: target.tenantID, appID: try row.textOrNil("app_id"), code: try row.textOrNil("code"),
                message: try row.textOrNil("message"), parentID: try row.int8OrNil("parent_id"),
                openedAt: try row.date("opened_at"), closedAt: try row.dateOrNil("closed_at"),
                members: try row.textArray("members").compactMap { $0.map(ChannelID.init(rawValue:)) })
        }
    }

    package func deliveries(_ query: DeliveryQuery) async throws -> [DeliveryRecord] {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT d.id, d.destination_id, d.recipient, d.kind, d.type, d.state, d.attempts, d.maybe_arrived, d.code,
                       d.error, d.created_at, d.run_at, d.finished_at,
                       ARRAY(SELECT i.incident_id FROM delivery_items i WHERE i.delivery_id = d.id AND NOT i.dropped
                              ORDER BY i.incident_id LIMIT 100) AS incidents
                  FROM deliveries d JOIN destinations x ON x.id = d.destination_id
                 WHERE ($1::text IS NULL OR x.tenant_id = $1) AND ($2::text IS NULL OR d.state = $2)
                   AND ($3::text IS NULL OR d.destination_id = $3)
                   AND ($4::int8 IS NULL OR EXISTS (SELECT 1 FROM delivery_items i
                                                     WHERE i.delivery_id = d.id AND i.incident_id = $4))
                   AND ($5::timestamptz IS NULL OR (d.created_at, d.id) < ($5, $6))
                 ORDER BY d.created_at DESC, d.id DESC LIMIT $7
                """,
                [
                    query.tenantID.map { .text($0) } ?? .null, query.state.map { .text($0.rawValue) } ?? .null,
                    query.destinationID.map { .text($0) } ?? .null, query.incidentID.map { .int8($0) } ?? .null,
                    query.before.map { .timestamptz($0.createdAt) } ?? .null, .text(query.before?.id ?? ""),
                    .int8(Int64(min(max(query.limit, 1), 500))),
                ])
        }
        return try result.rows.map { row in
            DeliveryRecord(
                id: try row.text("id"), destinationID: try row.text("destination_id"),
                recipient: try row.text("recipient"), kind: MessageKind(rawValue: try row.text("kind")) ?? .opened,
                type: MessageType(rawValue: try row.text("type")) ?? .ping,
                state: DeliveryState(rawValue: try row.text("state")) ?? .dead,
                incidents: try row.int8Array("incidents").compactMap { $0 }, attempts: Int(try row.int4("attempts")),
                maybeArrived: try row.bool("maybe_arrived"), code: try row.textOrNil("code"),
                error: try row.textOrNil("error"), createdAt: try row.date("created_at"),
                runAt: try row.date("run_at"), finishedAt: try row.dateOrNil("finished_at"))
        }
    }

    package func replay(_ deliveryID: String, tenantID: String?) async throws -> ReplayResult {
        try await transaction { connection in
            let row = try await connection.query(
                """
                SELECT d.state, d.kind,
                       EXISTS (SELECT 1 FROM delivery_items i JOIN incidents n ON n.id = i.incident_id
                                WHERE i.delivery_id = d.id AND n.closed_at IS NOT NULL) AS closed
                  FROM deliveries d JOIN destinations x ON x.id = d.destination_id
                 WHERE d.id = $1 AND x.removed_at IS NULL AND ($2::text IS NULL OR x.tenant_id = $2) FOR UPDATE OF d
                """, [.text(deliveryID), tenantID.map { .text($0) } ?? .null]
            ).rows.first
            guard let row else { return .notFound }
            let state = DeliveryState(rawValue: try row.text("state")) ?? .dead
            guard state == .dead else { return .notDead(state) }
            let kind = MessageKind(rawValue: try row.text("kind")) ?? .opened
            if kind.tellsOpen, try row.bool("closed") { return .incidentClosed }
            try await connection.query(
                """
                UPDATE deliveries SET state = 'pending', tries = 0, run_at = now(), finished_at = NULL WHERE id = $1
                """, [.text(deliveryID)])
            return .queued
        }
    }

    package func purgeRelay(before: Date) async throws -> Int {
        var rows = 0
        for statement in Self.purges {
            // In small transactions: a delete of years must not hold anybody up.
            while true {
                let deleted = try await transaction { connection in
                    try await connection.query(statement, [.timestamptz(before)]).affected
                }
                rows += deleted
                if deleted < Self.purgeBatch { break }
            }
        }
        return rows
    }

    private static let purgeBatch = 1000

    private static let purges = [
        """
        DELETE FROM deliveries WHERE id IN (
            SELECT id FROM deliveries WHERE finished_at < $1 ORDER BY finished_at LIMIT \(purgeBatch))
        """,
        """
        DELETE FROM incidents WHERE id IN (
            SELECT n.id FROM incidents n WHERE n.closed_at < $1
               AND NOT EXISTS (SELECT 1 FROM delivery_items i WHERE i.incident_id = n.id)
             ORDER BY n.closed_at LIMIT \(purgeBatch))
        """,
        """
        DELETE FROM event WHERE id IN (
            SELECT id FROM event WHERE expanded_at < $1 ORDER BY expanded_at LIMIT \(purgeBatch))
        """,
        """
        DELETE FROM destinations WHERE id IN (
            SELECT x.id FROM destinations x WHERE x.removed_at < $1
               AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.destination_id = x.id) LIMIT \(purgeBatch))
        """,
    ]
}
