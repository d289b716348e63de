package import Domain
import FoundationEssentials
import Postgres

/// Reading deliveries and replaying the dead.
extension Store {
    package func deliveries(_ query: DeliveryQuery) async throws -> [DeliveryRecord] {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT \(Self.recordColumns)
                  FROM deliveries d JOIN destinations x ON x.id = d.destination_id
                 WHERE ($1::text IS NULL OR x.tenant_id = $1) AND ($2::text IS NULL OR d.state = $2)
                   AND ($3::text IS NULL OR d.destination_id = $3)
                   AND ($4::int8 IS NULL OR EXISTS (SELECT 1 FROM delivery_items i
                                                     WHERE i.delivery_id = d.id AND i.incident_id = $4))
                   AND ($5::text IS NULL OR d.id < $5)
                 ORDER BY d.id DESC LIMIT $6
                """,
                [
                    query.tenantID.map { .text($0) } ?? .null, query.state.map { .text($0.rawValue) } ?? .null,
                    query.destinationID.map { .text($0) } ?? .null, query.incidentID.map { .int8($0) } ?? .null,
                    query.before.map { .text($0) } ?? .null, .int8(Int64(min(max(query.limit, 1), 500))),
                ])
        }
        return try result.rows.map(Self.record)
    }

    private static let recordColumns = """
        d.id, d.destination_id, x.name, d.recipient, d.kind, d.type, d.state, d.attempts, d.maybe_arrived, d.code,
        d.error, d.created_at, d.run_at, d.finished_at,
        ARRAY(SELECT i.incident_id FROM delivery_items i WHERE i.delivery_id = d.id AND NOT i.dropped
               ORDER BY i.incident_id LIMIT 100) AS incidents
        """

    private static func record(_ row: PostgresRow) throws -> DeliveryRecord {
        DeliveryRecord(
            id: try row.text("id"), destinationID: try row.text("destination_id"),
            recipient: try row.text("recipient"), kind: MessageKind(rawValue: try row.text("kind")) ?? .opened,
            type: MessageType(rawValue: try row.text("type")) ?? .ping,
            state: DeliveryState(rawValue: try row.text("state")) ?? .dead,
            incidents: try row.int8Array("incidents").compactMap { $0 }, attempts: Int(try row.int4("attempts")),
            maybeArrived: try row.bool("maybe_arrived"), code: try row.textOrNil("code"),
            error: try row.textOrNil("error"), createdAt: try row.date("created_at"),
            runAt: try row.date("run_at"), finishedAt: try row.dateOrNil("finished_at"),
            destinationName: try row.text("name"))
    }

    package func delivery(_ id: String, tenantID: String?) async throws -> (DeliveryRecord, [DeliveryAttempt])? {
        let found = try await pool.withConnection { connection in
            let row = try await connection.query(
                """
                SELECT \(Self.recordColumns) FROM deliveries d JOIN destinations x ON x.id = d.destination_id
                 WHERE d.id = $1 AND ($2::text IS NULL OR x.tenant_id = $2)
                """, [.text(id), tenantID.map { .text($0) } ?? .null]
            ).rows.first
            guard let row else { return (PostgresRow?.none, [PostgresRow]()) }
            let attempts = try await connection.query(
                """
                SELECT n, at, outcome, code, message, ms, excerpt FROM delivery_attempts WHERE delivery_id = $1
                UNION ALL
                SELECT attempts, finished_at, 'sent', code, sent_message, sent_ms, sent_excerpt FROM deliveries
                 WHERE id = $1 AND sent_ms IS NOT NULL
                 ORDER BY n LIMIT 500
                """, [.text(id)])
            return (row, attempts.rows)
        }
        guard let row = found.0 else { return nil }
        let attempts = try found.1.map { row in
            DeliveryAttempt(
                number: Int(try row.int4("n")), at: try row.date("at"), outcome: try row.text("outcome"),
                code: try row.text("code"), message: try row.text("message"), milliseconds: Int(try row.int4("ms")),
                excerpt: try row.textOrNil("excerpt"))
        }
        return (try Self.record(row), attempts)
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
                WITH d AS (
                  UPDATE deliveries SET state = 'pending', tries = 0, run_at = now(), finished_at = NULL WHERE id = $1
                  RETURNING destination_id)
                UPDATE destinations x SET parked_until = NULL, failures = 0 FROM d WHERE x.id = d.destination_id
                """, [.text(deliveryID)])
            return .queued
        }
    }
}
