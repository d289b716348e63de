package import Domain
package import FoundationEssentials
package import Postgres
package import Sealing

/// Proof that a key ring belongs to a database (PROTOCOL §10 "Start").
package struct KeyChecks: Sendable {
    let pool: PostgresPool

    package init(pool: PostgresPool) {
        self.pool = pool
    }

    /// Runs `body` while no other process decides about the database's keys and first token: whoever comes second sees
    /// what the first one made.
    package func alone<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
        try await pool.transaction { connection in
            try await connection.query("SELECT pg_advisory_xact_lock(7246110520260002)")
            return try await body()
        }
    }

    /// Whether the database knows any key: a ring is generated only into a database that has none.
    package func isEmpty() async throws -> Bool {
        let result = try await pool.withConnection {
            try await $0.query("SELECT NOT EXISTS (SELECT FROM keys) AS none")
        }
        return try result.rows[0].bool("none")
    }

    /// Checks every key of the ring against the database, records new ones, and looks for stored rows whose key the
    /// ring lacks.
    ///
    /// - Throws: ``KeyCheckError``, `PostgresError`.
    package func verify(_ ring: KeyRing) async throws {
        try await pool.transaction { connection in
            let known = try await connection.query("SELECT kid, check_value FROM keys ORDER BY kid FOR UPDATE")
            var seen: Set<String> = []
            for row in known.rows {
                let kid = try row.text("kid")
                seen.insert(kid)
                guard ring.kids.contains(kid) else { continue }
                guard ring.opens(checkValue: try row.bytea("check_value"), kid: kid) else {
                    throw KeyCheckError.otherKey(kid: kid)
                }
            }
            for kid in ring.kids where !seen.contains(kid) {
                try await connection.query(
                    "INSERT INTO keys (kid, check_value) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                    [.text(kid), .bytea(ring.checkValue(kid: kid))])
            }
            try await Self.noteSealing(with: ring.sealingKid, on: connection)
            for kid in seen.subtracting(ring.kids).sorted() {
                let used = try await connection.query(
                    """
                    SELECT EXISTS (SELECT FROM credentials WHERE kid = $1)
                        OR EXISTS (SELECT FROM authorizations WHERE kid = $1) AS used
                    """, [.text(kid)])
                if try used.rows[0].bool("used") { throw KeyCheckError.missing(kid: kid) }
            }
        }
    }
}

extension KeyChecks {
    /// Remembers when a key sealed last, to the minute.
    static func noteSealing(with kid: String, on connection: PostgresConnection) async throws {
        try await connection.query(
            """
            UPDATE keys SET sealed_at = now()
             WHERE kid = $1 AND (sealed_at IS NULL OR sealed_at < now() - interval '1 minute')
            """, [.text(kid)])
    }
}

/// Why a key ring does not fit the database.
package enum KeyCheckError: Error, Sendable, Equatable, CustomStringConvertible {
    case otherKey(kid: String)
    case missing(kid: String)

    package var description: String {
        switch self {
        case .otherKey(let kid):
            "The key `\(kid)` in TOKENWARD_KEYS is not the one this database was sealed with: restore the old key, or give the new one another id."
        case .missing(let kid):
            "Stored channels are sealed with the key `\(kid)`, which TOKENWARD_KEYS does not hold: add it behind the first key."
        }
    }
}

extension Store {
    /// Says that a replica is alive, what its journal holds and which keys it has (PROTOCOL §5 `replica`).
    package func noteReplica(_ journalID: UUID, openEntries: Int, kids: [String]) async throws {
        _ = try await transaction { connection in
            try await connection.query(
                """
                INSERT INTO replica (journal_id, open_entries, kids) VALUES ($1, $2, $3)
                ON CONFLICT (journal_id) DO UPDATE SET seen_at = now(), open_entries = excluded.open_entries,
                       kids = excluded.kids
                """, [.uuid(journalID), .int4(Int32(clamping: openEntries)), .textArray(kids)])
        }
    }

    /// Says that the entries of these ended replicas' journals are in another one now.
    package func noteAdopted(_ journals: [UUID]) async throws {
        guard !journals.isEmpty else { return }
        _ = try await transaction { connection in
            for journal in journals.sorted(by: { $0.uuidString < $1.uuidString }) {
                try await connection.query(
                    "UPDATE replica SET open_entries = 0, seen_at = now() WHERE journal_id = $1", [.uuid(journal)])
            }
        }
    }
}

extension Store {
    /// What is sealed with each key; counts every row.
    ///
    /// - Parameter ring: ids of this process's keys; the first seals.
    package func keyUses(ring: [String]) async throws -> [KeyUse] {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT kid, max(created_at) AS created_at, sum(channels)::int8 AS channels,
                       sum(destinations)::int8 AS destinations FROM (
                    SELECT kid, created_at, 0 AS channels, 0 AS destinations FROM keys
                    UNION ALL SELECT kid, NULL, count(*), 0 FROM credentials GROUP BY kid
                    UNION ALL SELECT kid, NULL, 0, count(*) FROM destinations WHERE removed_at IS NULL GROUP BY kid) x
                 GROUP BY kid ORDER BY kid
                """)
        }
        return try result.rows.map { row in
            let kid = try row.text("kid")
            return KeyUse(
                kid: kid, isInRing: ring.contains(kid), seals: ring.first == kid,
                createdAt: try row.dateOrNil("created_at"), channels: Int(try row.int8("channels")),
                destinations: Int(try row.int8("destinations")))
        }
    }
}
