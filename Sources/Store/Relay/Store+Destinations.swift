package import Domain
import FoundationEssentials
import Postgres
import Sealing

/// Destinations: who is told.
extension Store {
    package func destinations(tenantID: String?) async throws -> [DestinationSummary] {
        try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT \(DestinationRow.columns) FROM destinations
                 WHERE removed_at IS NULL AND ($1::text IS NULL OR tenant_id = $1) ORDER BY created_at, id LIMIT 1000
                """, [tenantID.map { .text($0) } ?? .null]
            ).rows.compactMap(DestinationRow.summary)
        }
    }

    package func destination(_ id: String, tenantID: String?) async throws -> Destination? {
        let row = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT \(DestinationRow.columns), revision, kid, sealed FROM destinations
                 WHERE id = $1 AND removed_at IS NULL AND ($2::text IS NULL OR tenant_id = $2)
                """, [.text(id), tenantID.map { .text($0) } ?? .null]
            ).rows.first
        }
        guard let row, let summary = try DestinationRow.summary(row) else { return nil }
        return Destination(
            id: summary.id, tenantID: summary.tenantID, name: summary.name, isDefault: summary.isDefault,
            match: summary.match, recipients: summary.recipients,
            configuration: try DestinationRow.configuration(row, ring: ring).get(), escalatesTo: summary.escalatesTo)
    }

    package func put(_ destination: Destination) async throws {
        _ = try await transaction { connection in
            let before = try await connection.query(
                "SELECT revision FROM destinations WHERE id = $1 FOR UPDATE", [.text(destination.id)])
            let revision = try before.rows.first.map { try $0.int8("revision") + 1 } ?? 1
            let sealed = try ring.seal(
                destination.configuration.document(),
                in: DestinationRow.context(
                    id: destination.id, tenantID: destination.tenantID, revision: revision))
            try await connection.query(
                """
                INSERT INTO destinations (id, tenant_id, name, kind, is_default, match, recipients, revision, kid, sealed,
                                          escalates_to)
                VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7, $8, $9, $10, $11)
                ON CONFLICT (id) DO UPDATE
                   SET tenant_id = excluded.tenant_id, name = excluded.name, kind = excluded.kind,
                       is_default = excluded.is_default, match = excluded.match, recipients = excluded.recipients,
                       revision = excluded.revision, kid = excluded.kid, sealed = excluded.sealed,
                       parked_until = NULL, failures = 0, removed_at = NULL, escalates_to = excluded.escalates_to
                """,
                [
                    .text(destination.id), destination.tenantID.map { .text($0) } ?? .null, .text(destination.name),
                    .text(destination.kind.rawValue), .bool(destination.isDefault),
                    .json(DestinationRow.json(destination.match)), .textArray(destination.recipients), .int8(revision),
                    .text(sealed.kid), .bytea(sealed.bytes), destination.escalatesTo.map { .text($0) } ?? .null,
                ])
            // What went nowhere may go here.
            try await connection.query(
                """
                UPDATE incidents SET remind_at = now()
                 WHERE closed_at IS NULL AND told_at IS NULL AND remind_at IS NOT NULL AND parent_id IS NULL
                """)
        }
    }

    package func removeDestination(_ id: String, tenantID: String?) async throws -> Bool {
        try await transaction { connection in
            let removed = try await connection.query(
                """
                UPDATE destinations SET removed_at = now(), sealed = ''::bytea
                 WHERE id = $1 AND removed_at IS NULL AND ($2::text IS NULL OR tenant_id = $2)
                """, [.text(id), tenantID.map { .text($0) } ?? .null])
            guard removed.affected > 0 else { return false }
            try await connection.query(
                """
                UPDATE deliveries SET state = 'suppressed', finished_at = now(), code = 'removed'
                 WHERE destination_id = $1 AND state = 'pending'
                """, [.text(id)])
            try await connection.query(
                "INSERT INTO event (kind, destination_id, reason) VALUES ('destination_recovered', $1, $2)",
                [.text(id), .text(IncidentCause.destinationDegraded)])
            return true
        }
    }
}
