package import Domain
import FoundationEssentials
import Postgres

/// Receivers that asked for no more messages.
extension Store {
    package func mute(
        destination id: String, recipient: String, tenantID: String?, by actor: AuditActor
    ) async throws -> Bool {
        try await transaction { connection in
            try await Self.holdRelayLock(on: connection)
            let known = try await connection.query(
                """
                SELECT tenant_id FROM destinations
                 WHERE id = $1 AND removed_at IS NULL AND ($2 = '' OR $2 = ANY (recipients))
                   AND ($3::text IS NULL OR tenant_id = $3)
                """, [.text(id), .text(recipient), tenantID.map { .text($0) } ?? .null]
            ).rows.first
            guard let known else { return false }
            let added = try await connection.query(
                """
                INSERT INTO mutes (destination_id, recipient, muted_by) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
                """, [.text(id), .text(recipient), .text(actor.name)])
            try await connection.query(
                """
                UPDATE deliveries SET state = 'suppressed', finished_at = now(), code = 'muted'
                 WHERE destination_id = $1 AND ($2 = '' OR recipient = $2) AND state = 'pending'
                """, [.text(id), .text(recipient)])
            if added.affected > 0 {
                try await note(
                    AuditChange(
                        action: "destination.muted", tenantID: try known.textOrNil("tenant_id"), subject: id),
                    by: actor, on: connection)
            }
            return true
        }
    }

    package func unmute(
        destination id: String, recipient: String, tenantID: String?, by actor: AuditActor
    ) async throws -> Bool {
        try await transaction { connection in
            let removed = try await connection.query(
                """
                DELETE FROM mutes m USING destinations x
                 WHERE m.destination_id = $1 AND m.recipient = $2 AND x.id = m.destination_id
                   AND ($3::text IS NULL OR x.tenant_id = $3) RETURNING x.tenant_id
                """, [.text(id), .text(recipient), tenantID.map { .text($0) } ?? .null]
            ).rows.first
            guard let removed else { return false }
            try await note(
                AuditChange(action: "destination.unmuted", tenantID: try removed.textOrNil("tenant_id"), subject: id),
                by: actor, on: connection)
            return true
        }
    }

    package func mutes(tenantID: String?) async throws -> [Mute] {
        try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT m.destination_id, m.recipient, m.muted_by, m.muted_at FROM mutes m
                  JOIN destinations x ON x.id = m.destination_id
                 WHERE x.removed_at IS NULL AND ($1::text IS NULL OR x.tenant_id = $1)
                 ORDER BY m.muted_at DESC LIMIT 1000
                """, [tenantID.map { .text($0) } ?? .null]
            ).rows
        }.map { row in
            Mute(
                destinationID: try row.text("destination_id"), recipient: try row.text("recipient"),
                by: try row.text("muted_by"), at: try row.date("muted_at"))
        }
    }
}
