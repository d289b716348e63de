package import Domain
package import FoundationEssentials
import Postgres

/// Bearer tokens by digest.
extension Store: APITokenDirectory {
    package func tokenHolder(digest: [UInt8]) async throws -> (name: String, role: String)? {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT name, role FROM api_tokens WHERE digest = $1 AND revoked_at IS NULL
                   AND (expires_at IS NULL OR expires_at > now())
                """, [.bytea(digest)])
        }
        return try result.rows.first.map { (try $0.text("name"), try $0.text("role")) }
    }

    package func insertToken(
        id: String, name: String, digest: [UInt8], role: String, expiresAt: Date?, actor: AuditActor
    ) async throws {
        try await transaction { connection in
            let made = try await connection.query(
                """
                INSERT INTO api_tokens (id, name, digest, role, expires_at) VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT DO NOTHING RETURNING id
                """,
                [
                    .text(id), .text(name), .bytea(digest), .text(role), expiresAt.map { .timestamptz($0) } ?? .null,
                ])
            guard !made.rows.isEmpty else { return }
            try await note(
                AuditChange(action: "api_token.created", tenantID: nil, subject: id, detail: "\(name), \(role)"),
                by: actor, on: connection)
        }
    }

    package func tokens(after cursor: String?, limit: Int) async throws -> [APITokenRecord] {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT id, name, role, created_at, expires_at, revoked_at FROM api_tokens
                 WHERE id > $1 ORDER BY id LIMIT \(min(max(limit, 1), 501))
                """, [.text(cursor ?? "")])
        }
        return try result.rows.map { row in
            APITokenRecord(
                id: try row.text("id"), name: try row.text("name"), role: try row.text("role"),
                createdAt: try row.date("created_at"), expiresAt: try row.dateOrNil("expires_at"),
                revokedAt: try row.dateOrNil("revoked_at"))
        }
    }

    package func revokeToken(_ id: String, actor: AuditActor) async throws -> Bool {
        try await transaction { connection in
            // Two administrators who revoke each other at once would otherwise both succeed.
            let superadmins = try await connection.query(
                """
                SELECT id FROM api_tokens WHERE role = 'superadmin' AND revoked_at IS NULL
                   AND (expires_at IS NULL OR expires_at > now()) ORDER BY id FOR UPDATE
                """)
            let ids = try superadmins.rows.map { try $0.text("id") }
            guard ids != [id] else { throw APITokenError.lastSuperadmin }
            let revoked = try await connection.query(
                "UPDATE api_tokens SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL RETURNING name",
                [.text(id)])
            guard let name = try revoked.rows.first?.text("name") else { return false }
            try await note(
                AuditChange(action: "api_token.revoked", tenantID: nil, subject: id, detail: name), by: actor,
                on: connection)
            return true
        }
    }

    package func hasSuperadmin() async throws -> Bool {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT EXISTS (SELECT FROM api_tokens WHERE role = 'superadmin' AND revoked_at IS NULL
                                  AND (expires_at IS NULL OR expires_at > now())) AS found
                """)
        }
        return try result.rows[0].bool("found")
    }
}
