import ArgumentParser
import Runtime

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Brings the database's schema to this version.",
        discussion: "Example: DATABASE_URL=postgresql://… tokenward migrate")

    @OptionGroup var common: CommonOptions

    func run() async throws {
        let settings = try common.settings()
        let version = try await Installation.withSchema(settings, logger: LogOutput.logger(settings.log, quiet: true))
        Terminal.line("The schema is at version \(version).")
    }
}
