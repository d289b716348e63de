import ArgumentParser
import Runtime

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the service: refresh loop, relay and HTTP interface.",
        discussion: "Example: DATABASE_URL=postgresql://… TOKENWARD_ADMIN_TOKEN=… tokenward serve")

    @OptionGroup var common: CommonOptions

    @Option(help: "Address and port to listen on; wins over TOKENWARD_LISTEN.")
    var listen: String?

    @Flag(help: "Refuse an old schema instead of migrating it.")
    var noMigrate = false

    func run() async throws {
        let signals = await StopSignals()
        let settings = try common.settings(flags: listen.map { ["TOKENWARD_LISTEN": $0] } ?? [:])
        let logger = LogOutput.logger(settings.log)
        try await Installation.withOpen(settings, for: .serve(migrates: !noMigrate), logger: logger) { installation in
            try await Server(installation: installation, signals: signals, logger: logger).run { address in
                Terminal.line("tokenward \(Version.text) listens on http://\(address)")
            }
        }
    }
}
