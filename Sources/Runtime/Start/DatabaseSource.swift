import Domain
import FoundationEssentials
import Logging
import Postgres

/// The database a command works on: the operator's, or the embedded cluster of the data directory.
struct DatabaseSource: Sendable {
    static let poolSize = 16
    /// A database that hangs is noticed well within the heartbeats' age: these and the grace of a cancelled statement
    /// together bound what any loop waits for.
    static let acquireTimeout: Duration = .seconds(5)
    static let statementTimeout: Duration = .seconds(20)

    let settings: Settings
    let logger: Logger

    /// Runs `body` with a URI that answers, and ends what it started.
    func withDatabase<Value: Sendable>(
        for purpose: Installation.Purpose, _ body: @Sendable (String) async throws -> Value
    ) async throws -> Value {
        if let url = settings.databaseURL { return try await body(url.reveal()) }
        let use: EmbeddedPostgres.Use =
            switch purpose {
            case .serve: .serving
            case .migrate, .command: .visiting
            }
        let cluster = EmbeddedPostgres(
            dataDirectory: settings.dataDirectory, use: use,
            searchPath: ProcessInfo.processInfo.environment["PATH"] ?? ""
        ) { [logger] in
            logger.notice("embedded PostgreSQL", metadata: ["event": "postgres.embedded", "what": "\($0)"])
        }
        do {
            return try await cluster.with { uri in
                guard use == .serving else { return try await body(uri) }
                return try await during({ await cluster.run() }) { try await body(uri) }
            }
        } catch let error as EmbeddedPostgresError {
            throw StartError(.failed, "\(error)")
        }
    }

    /// Checked without connecting.
    ///
    /// - Throws: ``StartError`` of kind misconfigured.
    func poolConfiguration(_ uri: String) throws -> PostgresConfiguration {
        let configuration = PostgresConfiguration(
            uri: uri, size: Self.poolSize, statementTimeout: Self.statementTimeout,
            acquireTimeout: Self.acquireTimeout, applicationName: "tokenward")
        do {
            try configuration.validate()
        } catch {
            throw StartError(.misconfigured, "DATABASE_URL cannot be used: \(error)")
        }
        return configuration
    }
}

/// Runs something long-lived around a piece of work, and ends it with the work.
func during<Value: Sendable>(
    _ companion: @escaping @Sendable () async -> Void, _ body: @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await companion() }
        do {
            let value = try await body()
            group.cancelAll()
            return value
        } catch {
            group.cancelAll()
            throw error
        }
    }
}
