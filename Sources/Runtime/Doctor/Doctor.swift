import Domain
import FoundationEssentials
package import Logging
import Postgres
import Providers
import Sealing
import Store

/// Examines an installation without starting it: nothing is migrated, generated or sent to a destination.
package struct Doctor: Sendable {
    let settings: Settings
    /// Of the process; names of proxies are looked for.
    let environment: [String: String]
    let logger: Logger

    package init(settings: Settings, environment: [String: String], logger: Logger) {
        self.settings = settings
        self.environment = environment
        self.logger = logger
    }

    package func examine() async -> [Finding] {
        var findings = DiskCheck(directory: settings.dataDirectory).findings()
        if settings.databaseURL == nil {
            findings += ClusterCheck(
                directory: settings.dataDirectory, searchPath: environment["PATH"] ?? ""
            ).findings()
        }
        let (catalogue, catalogueFindings) = CatalogueCheckup.load(settings)
        findings += catalogueFindings
        let (use, databaseFindings) = await database(catalogue)
        findings += databaseFindings
        if let catalogue {
            let origins = NetworkCheck.origins(
                used: Set(use.map(\.provider)), apps: settings.apps, catalogue: catalogue)
            findings += await NetworkCheck(settings: settings, environment: environment).findings(of: origins)
        }
        return findings
    }

    /// Everything that a database is needed for, and which apps its channels use.
    private func database(_ catalogue: Catalogue?) async -> (use: [Examination.AppUse], findings: [Finding]) {
        let isEmbedded = settings.databaseURL == nil
        if isEmbedded, !ClusterCheck.exists(in: settings.dataDirectory) {
            return (
                [],
                [
                    .warning(
                        .database, "There is no database yet.",
                        "Start `tokenward serve`, which makes one in \(settings.dataDirectory), or set DATABASE_URL.")
                ]
            )
        }
        do {
            return try await Installation.withPool(
                settings, for: .command(isEmbedded: isEmbedded), logger: logger
            ) { pool in
                try await examine(pool, catalogue)
            }
        } catch {
            return (
                [],
                [
                    .failed(
                        .database, "\(error)", "Look at DATABASE_URL, and whether PostgreSQL runs and can be reached.")
                ]
            )
        }
    }

    private func examine(
        _ pool: PostgresPool, _ catalogue: Catalogue?
    ) async throws -> (use: [Examination.AppUse], findings: [Finding]) {
        let examination = Examination(pool: pool)
        let server = try await examination.server()
        var findings = ServerCheck.findings(server)
        do {
            try await Migrations(pool: pool).check()
            findings.append(.ok(.schema, "The schema is version \(Migrations.newest), which this program knows."))
        } catch let error as MigrationError {
            // Without the tables there is nothing else to look at.
            findings.append(.failed(.schema, "The schema does not fit.", "\(error)"))
            return ([], findings)
        }
        let ring = KeyCheck.ring(settings)
        findings += KeyCheck.findings(ring: ring, keys: try await examination.keys())
        if case .success(let ring?) = ring {
            findings += IntegrityCheck.findings(
                unreadable: try await examination.unreadable(with: ring, sample: IntegrityCheck.sample),
                rolledBack: try await examination.quarantineRolledBack())
            findings += try await destinations(Store(pool: pool, ring: ring), examination)
        }
        let use = try await examination.appUse()
        findings += AppCheck.findings(
            use: use, apps: ConfiguredApps(settings.apps), troubled: try await examination.troubledApps())
        if let catalogue { findings += CatalogueCheckup.findings(used: use, catalogue: catalogue) }
        findings += JournalCheck.findings(
            replicas: try await examination.replicas(), root: settings.dataDirectory + "/journal")
        return (use, findings)
    }

    private func destinations(_ store: Store, _ examination: Examination) async throws -> [Finding] {
        var entries: [DestinationCheckup.Entry] = []
        let dead = try await examination.deadDeliveries()
        for summary in try await store.destinations(tenantID: nil) {
            let opened: Result<Destination?, any Error>
            do {
                opened = .success(try await store.destination(summary.id, tenantID: nil))
            } catch {
                opened = .failure(error)
            }
            entries.append(.init(summary: summary, opened: opened, dead: dead[summary.id] ?? 0))
        }
        return DestinationCheckup.findings(
            entries, configured: settings.destinations.count, addresses: try settings.destinationAddresses())
    }
}
