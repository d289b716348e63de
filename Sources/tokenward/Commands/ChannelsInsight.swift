import API
import ArgumentParser
import Domain
import FoundationEssentials
import Runtime

struct ChannelsExplain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Says why a channel is as it is, what happens next, and what you should do.",
        discussion: "Example: tokenward channels explain shop-1")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The channel's id.") var id: String
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let id = ChannelID(rawValue: id)
        guard let explanation = try await common.withInstallation({ try await $0.explain(id) }) else {
            throw CommandFailure.unknownChannel(id)
        }
        if json { return Terminal.line(explanation.pretty) }
        let next = explanation["next"]
        let status = [explanation["status"]?.text, explanation["reason"]?.text].compactMap { $0 }
        Terminal.line("\(id): \(status.joined(separator: ", "))")
        Terminal.line(
            "next: \(next?["action"]?.text ?? "none")\(next?["at"]?.text.map { " at \($0)" } ?? "") — \(next?["why"]?.text ?? "")"
        )
        if let error = explanation["lastError"]?.text { Terminal.line("last error: \(error)") }
        Terminal.line("what to do: \(explanation["advice"]?.text ?? "")")
        if let link = explanation["link"]?.text { Terminal.line("link: \(link)") }
    }
}

struct ChannelsInspect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Asks the provider about a channel's access token; never refreshes.",
        discussion: "Example: tokenward channels inspect shop-1")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The channel's id.") var id: String
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let id = ChannelID(rawValue: id)
        guard let answer = try await common.withInstallation({ try await $0.inspect(id) }) else {
            throw CommandFailure.unknownChannel(id)
        }
        if json { return Terminal.line(answer.pretty) }
        Terminal.line("\(id): \(answer["result"]?.text ?? "unknown") — \(answer["message"]?.text ?? "")")
        if let end = answer["accessExpiresAt"]?.text { Terminal.line("ends: \(end)") }
    }
}

struct ChannelsExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Prints channels as `channels import` takes them: a JSON array.",
        discussion: "Example: tokenward channels export --with-secrets > channels.json")

    @OptionGroup var common: CommonOptions
    @Option(name: [.customLong("tenant"), .customLong("team-id")], help: "Of this tenant.") var tenant: String?
    @Option(help: "Of this user.") var user: String?
    @Option(help: "Of this provider.") var provider: String?
    @Flag(help: "Print the tokens too: whoever reads the output can use them.") var withSecrets = false

    func run() async throws {
        let filter = ChannelFilter(tenantID: tenant, userID: user, provider: provider)
        let withSecrets = withSecrets
        try await common.withInstallation { installation in
            var count = 0
            if withSecrets {
                try await installation.audit.record(
                    AuditChange(
                        action: "channels.exported", tenantID: filter.tenantID, subject: filter.tenantID ?? "all",
                        detail: "with secrets"), by: "command line")
            }
            try await installation.export(filter, withSecrets: withSecrets) { row in
                Terminal.line((count == 0 ? "[" : ",") + String(decoding: row.bytes, as: UTF8.self))
                count += 1
            }
            Terminal.line(count == 0 ? "[]" : "]")
        }
    }
}
