import API
import ArgumentParser
import Domain
import FoundationEssentials
import Runtime

struct DestinationsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "destinations", abstract: "Adds, lists, tests, removes and explains where messages go.",
        discussion: "Example: tokenward destinations route --explain --channel shop-1",
        subcommands: [
            DestinationsAdd.self, DestinationsList.self, DestinationsTest.self, DestinationsRemove.self,
            DestinationsRoute.self,
        ])
}

struct DestinationsList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists destinations.", discussion: "Example: tokenward destinations list")

    @OptionGroup var common: CommonOptions
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let (destinations, mutes) = try await common.withInstallation {
            (try await $0.destinations(), try await $0.relayControl.mutes(tenantID: nil))
        }
        if json {
            return Terminal.line(JSON.page(destinations.map { .destination($0, mutes: mutes) }, next: nil).pretty)
        }
        guard !destinations.isEmpty else {
            Terminal.line("No destination is set: set SLACK_WEBHOOK_URL, SMTP_URL or WEBHOOK_URL, or add one.")
            return
        }
        let now = Date()
        var rows = [["id", "kind", "default", "tenant", "escalates to", "state", "name"]]
        for destination in destinations {
            let state = destination.state(at: now)
            rows.append([
                destination.id, destination.kind.rawValue, destination.isDefault ? "yes" : "no",
                destination.tenantID ?? "—", destination.escalatesTo ?? "—",
                destination.fault.map { "\(state): \($0)" } ?? state, destination.name,
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

struct DestinationsRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Removes a destination; what waits for it is dropped.",
        discussion: "Example: tokenward destinations remove dst_7f3a")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The destination's id.") var id: String

    func validate() throws {
        if id.hasPrefix("env:") {
            throw ValidationError("Settings make \(id), and would make it again: change the settings.")
        }
    }

    func run() async throws {
        let id = id
        guard try await common.withInstallation({ try await $0.removeDestination(id) }) else {
            throw CommandFailure(
                sentence: "There is no destination `\(id)`; `tokenward destinations list` names those there are.")
        }
        Terminal.line("\(id) is removed")
    }
}

struct DestinationsRoute: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "route", abstract: "Says where news would go; with --explain also why.",
        discussion:
            "Example: tokenward destinations route --explain --type app.rejected --provider tiktok")

    @OptionGroup var common: CommonOptions
    @Option(help: "The message's type; channel.reauthorization_required when left out.") var type: String?
    @Option(help: "critical, warning or info; what the type has most often when left out.") var severity: String?
    @Option(help: "Of this tenant.") var tenant: String?
    @Option(help: "Of this provider.") var provider: String?
    @Option(help: "About this channel: tells tenant and provider.") var channel: String?
    @Flag(help: "Say of every destination why it is told or not.") var explain = false
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        if let type, MessageType(rawValue: type) == nil {
            throw ValidationError("--type is one of \(MessageType.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        if let severity, Severity(rawValue: severity) == nil {
            throw ValidationError("--severity is critical, warning or info.")
        }
    }

    func run() async throws {
        let type = type.flatMap(MessageType.init) ?? .channelReauthorizationRequired
        let news = RoutedNews(
            tenantID: tenant, provider: provider, type: type,
            severity: severity.flatMap(Severity.init) ?? RouteExplanation.severity(of: type))
        let id = channel.map { ChannelID(rawValue: $0) }
        guard let explanation = try await common.withInstallation({ try await $0.explainRoute(news, channel: id) })
        else { throw CommandFailure.unknownChannel(id ?? "") }
        if json { return Terminal.line(explanation.json(of: nil).pretty) }
        if let end = explanation.silencedUntil {
            Terminal.line("A silence holds it back until \(end.rfc3339); then:")
        }
        let told = explanation.rows.filter { $0.choice.isTold && !$0.isMuted }
        if told.isEmpty { Terminal.line("Nobody is told.") }
        for row in explanation.rows where explain || row.choice.isTold && !row.isMuted {
            let why = row.isMuted ? "It is muted." : RouteExplanation.why(row.choice)
            let mark = row.choice.isTold && !row.isMuted ? "✅" : "—"
            Terminal.line("\(mark) \(row.destination.id) \(row.destination.name)\(explain ? ": \(why)" : "")")
            if let above = row.destination.escalatesTo, row.choice.isTold {
                Terminal.line("   after two reminders without an answer also \(above)")
            }
        }
    }
}
