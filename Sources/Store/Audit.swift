package import Domain
import FoundationEssentials
import Postgres

/// What people and applications changed, each row in the transaction of its change.
extension Store: AuditLog {
    package func record(_ change: AuditChange, by actor: AuditActor) async throws {
        try await transaction { try await note(change, by: actor, on: $0) }
    }

    func note(_ change: AuditChange, by actor: AuditActor, on connection: PostgresConnection) async throws {
        try await connection.query(
            """
            INSERT INTO changes (actor, address, request_id, tenant_id, action, subject, detail)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            """,
            [
                .text(actor.name), actor.address.map { .text($0) } ?? .null,
                actor.requestID.map { .text($0) } ?? .null, change.tenantID.map { .text($0) } ?? .null,
                .text(change.action), .text(change.subject), change.detail.map { .text($0) } ?? .null,
            ])
    }

    package func auditEntries(_ query: AuditQuery) async throws -> [AuditEntry] {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT id, at, actor, address, request_id, tenant_id, action, subject, detail FROM changes
                 WHERE ($1::text IS NULL OR tenant_id = $1) AND ($2::text IS NULL OR actor = $2)
                   AND ($3::text IS NULL OR action = $3) AND ($4::text IS NULL OR subject = $4)
                   AND ($6::timestamptz IS NULL OR at >= $6) AND ($7::timestamptz IS NULL OR at < $7)
                   AND id < $5 ORDER BY id DESC LIMIT \(min(max(query.limit, 1), 501))
                """,
                [query.tenantID, query.actor, query.action, query.subject].map { $0.map { .text($0) } ?? .null }
                    + [.int8(query.before ?? .max)]
                    + [query.window.since, query.window.until].map { $0.map { .timestamptz($0) } ?? .null })
        }
        return try result.rows.map { row in
            AuditEntry(
                id: try row.int8("id"), at: try row.date("at"),
                actor: AuditActor(
                    name: try row.text("actor"), address: try row.textOrNil("address"),
                    requestID: try row.textOrNil("request_id")),
                change: AuditChange(
                    action: try row.text("action"), tenantID: try row.textOrNil("tenant_id"),
                    subject: try row.text("subject"), detail: try row.textOrNil("detail")))
        }
    }
}
