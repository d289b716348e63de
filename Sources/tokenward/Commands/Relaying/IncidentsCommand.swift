import API
import ArgumentParser
import Domain
import FoundationEssentials
import Runtime

struct IncidentsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "incidents", abstract: "Lists, shows, acknowledges and snoozes what a human must know.",
        discussion: "Example: tokenward incidents list",
        subcommands: [IncidentsList.self, IncidentsShow.self, IncidentsAck.self, IncidentsSnooze.self])
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
        var rows = [["id", "severity", "since", "acknowledged", "reason", "about"]]
        for incident in incidents {
            rows.append([
                "\(incident.id)", incident.isOpen ? incident.severity.rawValue : "closed", incident.openedAt.rfc3339,
                incident.acknowledgement?.by ?? "—", incident.cause.reason,
                "\(incident.cause.kind.rawValue) \(incident.cause.id)",
            ])
        }
        Terminal.table(rows)
    }
}

struct IncidentsShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows an incident and the messages about it.",
        discussion: "Example: tokenward incidents show 42")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The incident's id.") var id: Int64
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let id = id
        let (incident, deliveries) = try await common.withInstallation { installation in
            (
                try await installation.relayDirectory.incident(id, tenantID: nil),
                try await installation.relayDirectory.deliveries(DeliveryQuery(incidentID: id, limit: 500))
            )
        }
        guard let incident else { throw CommandFailure.unknownIncident(id) }
        if json { return Terminal.line(JSON.incident(incident, link: incident.link).pretty) }
        Terminal.line(
            "\(incident.id) \(incident.isOpen ? incident.severity.rawValue : "closed") \(incident.cause.reason) "
                + "\(incident.cause.kind.rawValue) \(incident.cause.id)")
        if let title = incident.title { Terminal.line(title) }
        if let message = incident.message { Terminal.line(message) }
        Terminal.line("since \(incident.openedAt.rfc3339)\(incident.closedAt.map { ", ended \($0.rfc3339)" } ?? "")")
        if let deadline = incident.deadline { Terminal.line("deadline \(deadline.rfc3339)") }
        if let taken = incident.acknowledgement {
            Terminal.line("acknowledged by \(taken.by) at \(taken.at.rfc3339)\(taken.note.map { ": \($0)" } ?? "")")
        } else if incident.isOpen {
            Terminal.line("\(incident.reminders) reminders; next \(incident.nextReminderAt?.rfc3339 ?? "none")")
        }
        guard !deliveries.isEmpty else { return Terminal.line("No message was queued.") }
        var rows = [["delivery", "state", "kind", "at", "destination"]]
        for delivery in deliveries.reversed() {
            rows.append([
                delivery.id, delivery.state.rawValue, delivery.kind.rawValue, delivery.createdAt.rfc3339,
                delivery.destinationName ?? delivery.destinationID,
            ])
        }
        Terminal.table(rows)
    }
}

struct IncidentsAck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ack", abstract: "Says that somebody takes care: reminders and escalations stop.",
        discussion: "Example: tokenward incidents ack 42 --by olga --note 'asked the customer'")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The incident's id.") var id: Int64
    @Option(help: "Who takes care.") var by = "command line"
    @Option(help: "For those who read the incident.") var note: String?

    func run() async throws {
        let (id, by, note) = (id, by, note)
        let taken = try await common.withInstallation {
            try await $0.relayControl.acknowledge(
                .incident(id), note: note, tenantID: nil, by: AuditActor(name: by))
        }
        guard let taken = taken.first else { throw CommandFailure.unknownIncident(id) }
        Terminal.line("\(id) is taken care of by \(taken.acknowledgement?.by ?? by)")
    }
}

struct IncidentsSnooze: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snooze", abstract: "Silences one incident for a time; it is reminded of at the end.",
        discussion: "Example: tokenward incidents snooze 42 --for 24h")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The incident's id.") var id: Int64
    @Option(name: .customLong("for"), help: "How long: 30m, 24h, 7d.") var length: String
    @Option(help: "Who says so.") var by = "command line"
    @Option(help: "Why.") var comment = ""

    func validate() throws { _ = try SilenceTimes.length(length) }

    func run() async throws {
        let (id, by, comment) = (id, by, comment)
        let end = Date().later(by: try SilenceTimes.length(length))
        let silences = try await common.withInstallation {
            try await $0.relayControl.snooze(
                .incident(id), until: end, comment: comment, tenantID: nil, by: AuditActor(name: by))
        }
        guard let silence = silences.first else { throw CommandFailure.unknownIncident(id) }
        Terminal.line("\(id) is quiet until \(end.rfc3339) (\(silence.id))")
    }
}

/// Times of silences as people type them.
enum SilenceTimes {
    static func length(_ text: String) throws -> Duration {
        guard let length = DurationText.parse(text), length > .zero, length <= Silence.longest else {
            throw ValidationError("`\(text)` is not a time such as 30m, 24h or 7d, of 400 days at most.")
        }
        return length
    }
}

extension CommandFailure {
    static func unknownIncident(_ id: Int64) -> CommandFailure {
        CommandFailure(sentence: "There is no open incident \(id); `tokenward incidents list --open` names them.")
    }
}
