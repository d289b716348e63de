package import Domain
import FoundationEssentials
import Postgres

/// The platform's own events, replaying many, and tests that went well.
extension Store: DeliveryAdministration {
    package func submit(_ event: PlatformEvent) async throws -> Bool {
        // Strings always encode.
        let payload = (try? JSONEncoder().encode(event)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
        return try await transaction { connection in
            let fresh = try await connection.query(
                "INSERT INTO platform_events (tenant_id, id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                [.text(event.tenantID ?? ""), .text(event.id)])
            guard fresh.affected > 0 else { return false }
            try await connection.query(
                "INSERT INTO event (kind, reason, message, payload) VALUES ('platform', $1, $2, $3::jsonb)",
                [
                    .text(IncidentCause.platformEvent), event.message.map { .text($0) } ?? .null, .json(payload),
                ])
            return true
        }
    }

    package func replay(_ filter: ReplayFilter, by actor: AuditActor) async throws -> [String] {
        try await transaction { connection in
            let queued = try await connection.query(
                """
                WITH l AS MATERIALIZED (
                  SELECT d.id FROM deliveries d JOIN destinations x ON x.id = d.destination_id
                   WHERE d.state = 'dead' AND x.removed_at IS NULL AND ($1::text IS NULL OR x.tenant_id = $1)
                     AND ($2::text IS NULL OR d.id = $2) AND ($3::text IS NULL OR d.destination_id = $3)
                     AND ($4::text IS NULL OR d.type = $4) AND ($5::timestamptz IS NULL OR d.finished_at >= $5)
                     AND (d.kind NOT IN ('opened', 'reminder', 'escalated') OR NOT EXISTS (
                          SELECT 1 FROM delivery_items i JOIN incidents n ON n.id = i.incident_id
                           WHERE i.delivery_id = d.id AND n.closed_at IS NOT NULL))
                   ORDER BY d.finished_at, d.id LIMIT \(min(max(filter.limit, 1), 1000)) FOR UPDATE OF d SKIP LOCKED)
                UPDATE deliveries d SET state = 'pending', tries = 0, run_at = now(), finished_at = NULL
                  FROM l WHERE d.id = l.id RETURNING d.id, d.destination_id
                """,
                [
                    filter.tenantID.map { .text($0) } ?? .null, filter.deliveryID.map { .text($0) } ?? .null,
                    filter.destinationID.map { .text($0) } ?? .null,
                    filter.type.map { .text($0.rawValue) } ?? .null, filter.since.map { .timestamptz($0) } ?? .null,
                ])
            let ids = try queued.rows.map { try $0.text("id") }
            guard !ids.isEmpty else { return [] }
            let destinations = Set(try queued.rows.map { try $0.text("destination_id") }).sorted()
            try await connection.query(
                "UPDATE destinations SET parked_until = NULL, failures = 0 WHERE id = ANY ($1)",
                [.textArray(destinations)])
            for destination in destinations {
                try await note(
                    AuditChange(
                        action: "deliveries.replayed", tenantID: filter.tenantID, subject: destination,
                        detail: "\(ids.count) deliveries"), by: actor, on: connection)
            }
            return ids
        }
    }

    package func noteTest(of destination: String) async throws {
        _ = try await transaction { try await noteSuccess(of: destination, on: $0) }
    }
}
