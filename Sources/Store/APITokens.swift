import Domain
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

    package func insertToken(id: String, name: String, digest: [UInt8], role: String, expiresAt: Date?) async throws {
        _ = try await transaction { connection in
            try await connection.query(
                """
                INSERT INTO api_tokens (id, name, digest, role, expires_at) VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT DO NOTHING
                """,
                [
                    .text(id), .text(name), .bytea(digest), .text(role), expiresAt.map { .timestamptz($0) } ?? .null,
                ])
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
