package import API
import Domain
import FoundationEssentials
package import Logging
import Notifier
import POSIX
import Postgres
package import Providers
package import Sealing
package import Store
package import Templates

/// What every command works with: the database, the keys, the catalogue; opened for one piece of work.
package struct Installation: Sendable {
    package let settings: Settings
    package let ring: KeyRing
    package let store: Store
    package let catalogue: Catalogue
    package let templates: MessageTemplates
    package let apps: ConfiguredApps
    package let intake: ChannelIntake
    /// The file that holds the generated admin token; nil when the token is the operator's.
    package let adminTokenPath: String?

    /// How much of an installation a command needs, and what it may do to it.
    package enum Purpose: Sendable {
        /// `serve`, `demo`: owns an embedded cluster, migrates.
        case serve(migrates: Bool)
        /// `migrate`.
        case migrate
        /// All others: joins an embedded cluster, wants a foreign schema as it is.
        case command(isEmbedded: Bool)
    }

    /// Opens the installation, runs `body`, and closes everything again.
    ///
    /// - Throws: ``StartError`` with the sentence and exit status of what is wrong; what `body` throws.
    package static func withOpen<Value: Sendable>(
        _ settings: Settings, for purpose: Purpose, logger: Logger,
        _ body: @Sendable (Installation) async throws -> Value
    ) async throws -> Value {
        // What can be wrong without a database is said before one is touched or started.
        let catalogue = try catalogue(settings)
        try checkParameters(of: settings.apps, in: catalogue)
        let templates = try templates(settings)
        return try await withPool(settings, for: purpose, logger: logger) { pool in
            try await prepareSchema(Migrations(pool: pool), purpose: purpose, logger: logger)
            let (store, adminTokenPath) = try await openStore(settings, pool: pool)
            let apps = ConfiguredApps(settings.apps)
            return try await body(
                Installation(
                    settings: settings, ring: store.ring, store: store, catalogue: catalogue, templates: templates,
                    apps: apps, intake: ChannelIntake(catalogue: catalogue, apps: apps),
                    adminTokenPath: adminTokenPath))
        }
    }

    /// Opens the database alone, whatever its schema is.
    static func withPool<Value: Sendable>(
        _ settings: Settings, for purpose: Purpose, logger: Logger,
        _ body: @Sendable (PostgresPool) async throws -> Value
    ) async throws -> Value {
        do {
            try Directory.create(settings.dataDirectory, permissions: 0o700)
        } catch {
            throw StartError(.failed, "The data directory \(settings.dataDirectory) cannot be made: \(error)")
        }
        let source = DatabaseSource(settings: settings, logger: logger)
        return try await source.withDatabase(for: purpose) { uri in
            let pool = PostgresPool(configuration: try source.poolConfiguration(uri))
            return try await during({ await pool.run() }) { try await body(pool) }
        }
    }

    /// The store under the key ring that belongs to the database, and the path of a generated admin token.
    private static func openStore(
        _ settings: Settings, pool: PostgresPool
    ) async throws -> (store: Store, adminTokenPath: String?) {
        let checks = KeyChecks(pool: pool)
        return try await checks.alone {
            let ring = try await KeyRingSource(settings: settings).ring(checks: checks)
            do {
                try await checks.verify(ring)
            } catch let error as KeyCheckError {
                throw StartError(.misconfigured, "\(error)")
            }
            let store = Store(pool: pool, ring: ring)
            return (store, try await AdminToken(settings: settings, tokens: store).establish())
        }
    }

    static func prepareSchema(_ migrations: Migrations, purpose: Purpose, logger: Logger) async throws {
        do {
            switch purpose {
            case .serve(migrates: true), .migrate:
                let done = try await migrations.migrate()
                if !done.isEmpty {
                    logger.notice("schema migrated", metadata: ["event": "schema.migrated", "steps": "\(done)"])
                }
            case .serve(migrates: false):
                try await migrations.check()
            case .command(let isEmbedded):
                // An embedded cluster is this user's own and may be fresh.
                if isEmbedded { _ = try await migrations.migrate() } else { try await migrations.check() }
            }
        } catch let error as MigrationError {
            throw StartError(.failed, "\(error)")
        } catch let error as PostgresError {
            throw StartError(
                .failed, "The database cannot be used: \(error) Check DATABASE_URL and that PostgreSQL runs.")
        }
    }

    /// A host that receives secrets is judged before anything is sent there.
    private static func checkParameters(of apps: [App], in catalogue: Catalogue) throws {
        for app in apps where !app.parameters.isEmpty {
            guard let entry = catalogue[app.provider] else { continue }
            if let problem = entry.problems(withParameters: app.parameters, fromOperator: true).first {
                throw StartError(.misconfigured, "The app of \(app.provider) cannot be used: \(problem)")
            }
        }
    }

    static func templates(_ settings: Settings) throws -> MessageTemplates {
        do {
            let templates = try MessageTemplates.load(overrideDirectory: settings.relay.templateDirectory)
            if settings.relay.templateDirectory != nil {
                for language in MessageTemplates.languages {
                    try MessageTexts(templates: templates, language: language).check()
                }
            }
            return templates
        } catch {
            throw StartError(.misconfigured, "The templates cannot be used: \(error)")
        }
    }

    /// The embedded catalogue with the operator's entries over it.
    ///
    /// - Throws: ``StartError`` of kind misconfigured, with file, line and sentence.
    package static func catalogue(_ settings: Settings) throws -> Catalogue {
        do {
            let embedded = try Catalogue.embedded()
            guard let path = settings.cataloguePath else { return embedded }
            return try embedded.overlaid(with: path)
        } catch {
            throw StartError(.misconfigured, "The catalogue cannot be used: \(error)")
        }
    }
}
