import API
import ArgumentParser
import Domain
import FoundationEssentials
import Runtime

struct SilencesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "silences", abstract: "Adds, lists and ends times in which incidents are not told.",
        discussion: "Example: tokenward silences add --provider tiktok --for 4h --comment 'migration'",
        subcommands: [SilencesAdd.self, SilencesList.self, SilencesRemove.self])
}

struct SilencesAdd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Silences incidents that meet all that is given, and prints the silence's id.",
        discussion: "Example: tokenward silences add --tenant acme --reason refresh_failing --for 2d")

    @OptionGroup var common: CommonOptions
    @Option(help: "Of this tenant; several times for several.") var tenant: [String] = []
    @Option(help: "Of this provider; several times for several.") var provider: [String] = []
    @Option(help: "Of this channel; several times for several.") var channel: [String] = []
    @Option(help: "For this reason, such as refresh_failing; several times for several.") var reason: [String] = []
    @Option(help: "Of this type, such as app.rejected; several times for several.") var type: [String] = []
    @Option(help: "Of this severity or more.") var minimumSeverity: String?
    @Option(help: "Of this severity or less.") var maximumSeverity: String?
    @Option(name: .customLong("for"), help: "How long: 30m, 24h, 7d.") var length: String
    @Option(help: "When it begins, RFC 3339; now when left out.") var from: String?
    @Option(help: "Who says so.") var by = "command line"
    @Option(help: "Why.") var comment = ""
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        _ = try SilenceTimes.length(length)
        for severity in [minimumSeverity, maximumSeverity] {
            if let severity, Severity(rawValue: severity) == nil {
                throw ValidationError("A severity is critical, warning or info.")
            }
        }
        if let from, Date(rfc3339: from) == nil { throw ValidationError("--from is not an RFC 3339 time.") }
    }

    func run() async throws {
        let now = Date()
        let start = from.flatMap { Date(rfc3339: $0) } ?? now
        let silence = Silence(
            tenantID: nil,
            match: SilenceMatch(
                tenants: tenant, providers: provider, channels: channel, reasons: reason, types: type,
                minimumSeverity: minimumSeverity.flatMap(Severity.init),
                maximumSeverity: maximumSeverity.flatMap(Severity.init)),
            startsAt: start, endsAt: start.later(by: try SilenceTimes.length(length)), author: by, comment: comment,
            createdAt: now)
        if let fault = silence.fault(at: now) { throw CommandFailure(status: 2, sentence: fault) }
        let by = by
        try await common.withInstallation { try await $0.relayControl.addSilence(silence, by: AuditActor(name: by)) }
        Terminal.line(json ? JSON.silence(silence).pretty : silence.id)
    }
}

struct SilencesList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists silences that have not ended, newest first.",
        discussion: "Example: tokenward silences list --all")

    @OptionGroup var common: CommonOptions
    @Flag(help: "Those that ended too.") var all = false
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let isActive = !all
        let silences = try await common.withInstallation {
            try await $0.relayControl.silences(isActive: isActive, tenantID: nil, limit: 500)
        }
        if json { return Terminal.line(JSON.page(silences.map { .silence($0) }, next: nil).pretty) }
        var rows = [["id", "from", "until", "author", "comment"]]
        for silence in silences {
            rows.append([
                silence.id, silence.startsAt.rfc3339, silence.endsAt.rfc3339, silence.author, silence.comment,
            ])
        }
        Terminal.table(rows)
    }
}

struct SilencesRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Ends a silence now; what it held back is told.",
        discussion: "Example: tokenward silences remove sil_7f3a")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The silence's id.") var id: String

    func run() async throws {
        let id = id
        let isEnded = try await common.withInstallation {
            try await $0.relayControl.removeSilence(id, tenantID: nil, by: "command line")
        }
        guard isEnded else {
            throw CommandFailure(
                sentence: "There is no silence `\(id)`, or it has ended; `tokenward silences list` names them.")
        }
        Terminal.line("\(id) has ended")
    }
}
