import ArgumentParser
import Domain
import Runtime

struct DestinationsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "destinations", abstract: "Lists and tests where messages go.",
        discussion: "Example: tokenward destinations test", subcommands: [DestinationsList.self, DestinationsTest.self])
}

struct DestinationsList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists destinations.", discussion: "Example: tokenward destinations list")

    @OptionGroup var common: CommonOptions

    func run() async throws {
        let destinations = try await common.withInstallation { try await $0.destinations() }
        guard !destinations.isEmpty else {
            Terminal.line("No destination is set: set SLACK_WEBHOOK_URL, SMTP_URL or WEBHOOK_URL.")
            return
        }
        var rows = [["id", "kind", "default", "state", "name"]]
        for destination in destinations {
            rows.append([
                destination.id, destination.kind.rawValue, destination.isDefault ? "yes" : "no",
                destination.fault ?? "ok", destination.name,
            ])
        }
        Terminal.table(rows)
    }
}

struct DestinationsTest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Sends a test message now and says how it went.",
        discussion: "Example: tokenward destinations test env:slack")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The destination's id; all when left out.") var id: String?

    func run() async throws {
        let id = id
        let results = try await common.withInstallation { try await $0.testDestinations(id) }
        guard !results.isEmpty else {
            throw CommandFailure(
                sentence: id.map {
                    "There is no destination `\($0)`; `tokenward destinations list` names those there are."
                }
                    ?? "No destination is set: set SLACK_WEBHOOK_URL, SMTP_URL or WEBHOOK_URL.")
        }
        for result in results {
            Terminal.line("\(result.isDelivered ? "✅" : "❌") \(result.id) \(result.sentence)")
        }
        if results.contains(where: { !$0.isDelivered }) { throw ExitCode(1) }
    }
}
