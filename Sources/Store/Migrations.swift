package import Postgres

/// The numbered, forward-only steps from an empty schema to this version's.
package struct Migrations: Sendable {
    struct Step: Sendable {
        var number: Int32
        var name: String
        var script: String
    }

    /// In ascending order; a step is never changed once it is released, and none gets a lower number than a released one.
    static let steps: [Step] = [
        Step(number: 1, name: "channels", script: text(PackageResources._001_channels_sql)),
        Step(number: 2, name: "relay", script: text(PackageResources._002_relay_sql)),
        Step(number: 3, name: "counters", script: text(PackageResources._003_counters_sql)),
        Step(number: 4, name: "authorizations", script: text(PackageResources._004_authorizations_sql)),
        Step(number: 5, name: "api", script: text(PackageResources._005_api_sql)),
        Step(number: 7, name: "refresher", script: text(PackageResources._007_refresher_sql)),
        Step(number: 8, name: "cadence", script: text(PackageResources._008_cadence_sql)),
        Step(number: 9, name: "schedules", script: text(PackageResources._009_schedules_sql)),
        Step(number: 10, name: "keys", script: text(PackageResources._010_keys_sql)),
        Step(number: 11, name: "messages", script: text(PackageResources._011_messages_sql)),
        Step(number: 12, name: "indexes", script: text(PackageResources._012_indexes_sql)),
    ]

    package static var newest: Int32 { steps.last?.number ?? 0 }

    /// For one step, and for the wait until another replica has made its: large tables get their indexes here, so it is
    /// far beyond the limit of the service's own statements.
    static let stepLimit: Duration = .seconds(3600)

    let pool: PostgresPool

    package init(pool: PostgresPool) {
        self.pool = pool
    }

    /// Brings the schema to this version, each step in its own transaction; replicas that start together take turns.
    ///
    /// - Returns: the numbers of the steps that ran.
    /// - Throws: ``MigrationError/newerSchema(found:known:)``, `PostgresError`.
    package func migrate() async throws -> [Int32] {
        var done: [Int32] = []
        for step in Self.steps {
            let ran = try await pool.transaction { connection in
                // One migration at a time over all replicas; the lock ends with the transaction.
                try await connection.execute(
                    "SELECT pg_advisory_xact_lock(7246110520260001)", within: Self.stepLimit)
                try await connection.execute(
                    """
                    CREATE TABLE IF NOT EXISTS schema_migrations (
                        number int4 PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())
                    """)
                let version = try await Self.version(on: connection)
                guard version <= Self.newest else {
                    throw MigrationError.newerSchema(found: version, known: Self.newest)
                }
                guard version < step.number else { return false }
                try await connection.execute(step.script, within: Self.stepLimit)
                try await connection.query(
                    "INSERT INTO schema_migrations (number, name) VALUES ($1, $2)",
                    [.int4(step.number), .text(step.name)])
                return true
            }
            if ran { done.append(step.number) }
        }
        return done
    }

    /// Refuses to go on with a schema that is not exactly this version's.
    ///
    /// - Throws: ``MigrationError``, `PostgresError`.
    package func check() async throws {
        let version = try await pool.withConnection { connection in
            let exists = try await connection.query("SELECT to_regclass('schema_migrations') IS NOT NULL AS found")
            guard try exists.rows[0].bool("found") else { return Int32(0) }
            return try await Self.version(on: connection)
        }
        if version > Self.newest { throw MigrationError.newerSchema(found: version, known: Self.newest) }
        if version < Self.newest { throw MigrationError.olderSchema(found: version, known: Self.newest) }
    }

    private static func version(on connection: PostgresConnection) async throws -> Int32 {
        let result = try await connection.query("SELECT coalesce(max(number), 0) AS version FROM schema_migrations")
        return try result.rows[0].int4("version")
    }

    private static func text(_ bytes: [UInt8]) -> String {
        String(decoding: bytes, as: UTF8.self)
    }
}

/// Why a schema cannot be used.
package enum MigrationError: Error, Sendable, Equatable, CustomStringConvertible {
    case newerSchema(found: Int32, known: Int32)
    case olderSchema(found: Int32, known: Int32)

    package var description: String {
        switch self {
        case .newerSchema(let found, let known):
            "The database has schema \(found), this tokenward knows \(known) at most: start the newer version instead."
        case .olderSchema(let found, let known):
            "The database has schema \(found), this tokenward needs \(known): run `tokenward migrate` first."
        }
    }
}
