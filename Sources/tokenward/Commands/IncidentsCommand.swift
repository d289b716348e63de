import API
import ArgumentParser
import Domain
import Runtime

struct IncidentsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "incidents", abstract: "Lists what a human must know.",
        discussion: "Example: tokenward incidents list", subcommands: [IncidentsList.self])
}

struct IncidentsList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists incidents, newest first.",
        discussion: "Example: tokenward incidents list --open")

    @OptionGroup var common: CommonOptions
    @Flag(help: "Only those that are open.") var open = false
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let isOpen: Bool? = open ? true : nil
        let incidents = try await common.withInstallation { try await $0.incidents(isOpen: isOpen) }
        if json {
            Terminal.line(JSON.page(incidents.map { .incident($0, link: nil) }, next: nil).pretty)
            return
        }
        var rows = [["id", "severity", "since", "reason", "about"]]
        for incident in incidents {
            rows.append([
                "\(incident.id)", incident.isOpen ? incident.severity.rawValue : "closed", incident.openedAt.rfc3339,
                incident.cause.reason, "\(incident.cause.kind.rawValue) \(incident.cause.id)",
            ])
        }
        Terminal.table(rows)
    }
}
