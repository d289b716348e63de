package import Postgres
package import Sealing

/// Tokenward's ports over PostgreSQL: one pool, one key ring, SQL by feature in the extensions of this type.
///
/// Every method is one transaction. Errors are `PostgresError` unless a method says otherwise; none holds a value.
package struct Store: Sendable {
    package let pool: PostgresPool
    package let ring: KeyRing

    package init(pool: PostgresPool, ring: KeyRing) {
        self.pool = pool
        self.ring = ring
    }

    /// Runs a transaction again when PostgreSQL says it collided with another (40001, 40P01); five times at most.
    func transaction<Value: Sendable>(
        _ body: @Sendable (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        try await repeatedly { try await pool.transaction(body) }
    }

    /// Runs one statement, which is a transaction of its own, as ``transaction(_:)`` does.
    func statement(_ sql: String, _ parameters: [PostgresValue]) async throws -> PostgresResult {
        try await repeatedly { try await pool.withConnection { try await $0.query(sql, parameters) } }
    }

    private func repeatedly<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        var tries = 1
        while true {
            do {
                return try await body()
            } catch PostgresError.server(let state, _, _) where state.isRetryable && tries < 5 {
                tries += 1
            }
        }
    }
}
