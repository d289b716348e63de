import ArgumentParser
import FoundationEssentials
import Logging
import Runtime

/// Options of every command that opens an installation.
struct CommonOptions: ParsableArguments {
    @Option(help: "A YAML file of settings; the environment wins over it.")
    var config: String?

    @Option(help: "PostgreSQL's URI; wins over DATABASE_URL. Without either, the embedded cluster is used.")
    var databaseURL: String?

    @Option(help: "Directory of the embedded cluster, journal and keys; wins over TOKENWARD_DATA_DIR.")
    var dataDir: String?

    func settings(flags more: [String: String] = [:], needsDatabase: Bool = true) throws -> Settings {
        var flags = more
        flags["DATABASE_URL"] = databaseURL
        flags["TOKENWARD_DATA_DIR"] = dataDir
        return try Settings.load(
            environment: ProcessInfo.processInfo.environment, file: config, flags: flags, needsDatabase: needsDatabase)
    }

    /// Opens the installation as a command does, and closes it again.
    func withInstallation<Value: Sendable>(
        _ body: @Sendable (Installation) async throws -> Value
    ) async throws -> Value {
        let settings = try settings()
        let logger = LogOutput.logger(settings.log, quiet: true)
        return try await Installation.withOpen(
            settings, for: .command(isEmbedded: settings.databaseURL == nil), logger: logger, body)
    }
}
