import FoundationEssentials
package import Postgres

/// What stands against a test that needs a database.
package enum TestDatabaseError: Error, CustomStringConvertible {
    case notConfigured

    package var description: String {
        "TOKENWARD_TEST_DATABASE_URL is not set: run make test, or Tests/with-postgres.sh swift test."
    }
}

/// A schema of its own in the test cluster, with a running pool whose `search_path` is that schema.
package struct TestDatabase: Sendable {
    /// Of the schema; `schema` and `size` are set.
    package let configuration: PostgresConfiguration
    package let pool: PostgresPool
    package let schema: String

    /// At most so many tests of a process have a schema at a time: the cluster takes 200 connections.
    private static let gate = TestGate(width: 12)

    /// Runs `body` with a fresh, empty schema and drops it afterwards.
    ///
    /// - Parameters:
    ///   - size: connections of the pool, at most 10.
    ///   - configure: changes timeouts and the like.
    /// - Throws: what `body` throws; ``TestDatabaseError/notConfigured``.
    @discardableResult
    package static func withSchema<Value: Sendable>(
        size: Int = 4, configure: (inout PostgresConfiguration) -> Void = { _ in },
        _ body: (TestDatabase) async throws -> Value
    ) async throws -> Value {
        guard let uri = ProcessInfo.processInfo.environment["TOKENWARD_TEST_DATABASE_URL"], !uri.isEmpty else {
            throw TestDatabaseError.notConfigured
        }
        let schema = "test_" + UUID().uuidString.lowercased().filter { $0 != "-" }
        var configuration = PostgresConfiguration(uri: uri, size: size, schema: schema, applicationName: schema)
        configure(&configuration)
        let chosen = configuration
        return try await gate.pass {
            let administrator = try await PostgresConnection.connect(PostgresConfiguration(uri: uri))
            try await administrator.execute("CREATE SCHEMA \(schema)")
            let outcome: Result<Value, any Error>
            do {
                outcome = .success(
                    try await PostgresPool.with(chosen) { pool in
                        try await body(TestDatabase(configuration: chosen, pool: pool, schema: schema))
                    })
            } catch {
                outcome = .failure(error)
            }
            // A failed drop leaves litter in a cluster that is thrown away.
            try? await administrator.execute(
                "SET client_min_messages = warning; DROP SCHEMA \(schema) CASCADE")
            await administrator.close()
            return try outcome.get()
        }
    }

    /// Another connection to the schema, outside the pool.
    package func connect() async throws -> PostgresConnection {
        try await PostgresConnection.connect(configuration)
    }
}
