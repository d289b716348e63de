import API
import ArgumentParser
import Domain
import FoundationEssentials
import Runtime

struct DestinationsAdd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Adds a destination and prints its id; values of @FILE are read from the file.",
        discussion:
            "Example: tokenward destinations add --kind webhook --name CRM --url https://crm.example.com/in --match-provider tiktok"
    )

    @OptionGroup var common: CommonOptions
    @Option(help: "slack_webhook, slack_bot, email or webhook.") var kind: String
    @Option(help: "For lists.") var name: String
    @Option(help: "Of slack_webhook and webhook; @FILE keeps it off the command line.") var url: String?
    @Option(help: "Of webhook: whsec_…, or @FILE; made and printed once when left out.") var secret: String?
    @Option(help: "Of slack_bot: xoxb-…, or @FILE.") var token: String?
    @Option(help: "Of slack_bot: the channel's id or #name.") var channel: String?
    @Option(help: "Of slack_bot: proves its buttons; or @FILE.") var signingSecret: String?
    @Option(help: "Of email: smtp://user:password@host:587, or @FILE.") var server: String?
    @Option(help: "Of email: ops@example.com or Name <ops@example.com>.") var sender: String?
    @Option(help: "Of email: an address; several times for several.") var recipient: [String] = []
    @Option(help: "Whose it is; the platform's when left out.") var tenant: String?
    @Option(help: "Only news of this tenant; several times for several.") var matchTenant: [String] = []
    @Option(help: "Only news of this provider; several times for several.") var matchProvider: [String] = []
    @Option(help: "Only news of this type; several times for several.") var matchType: [String] = []
    @Option(help: "Only news of this severity or more: info, warning, critical.") var minimumSeverity: String?
    @Option(help: "The destination that is told when two reminders were not answered.") var escalatesTo: String?
    @Flag(name: .customLong("default"), help: "Told what no other destination asks for.") var isDefault = false
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let fields = DestinationFields(try members())
        let tenant = tenant
        let (destination, secret) = try await common.withInstallation { installation in
            do {
                return try await installation.add(destination: fields, tenantID: tenant)
            } catch let error as IntakeError {
                throw CommandFailure(status: 2, sentence: "The destination is not added: \(error)")
            }
        }
        if json { return Terminal.line(JSON.destination(destination, secret: secret).pretty) }
        Terminal.line(destination.id)
        if let secret { Terminal.line("signing secret, shown this once: \(secret.reveal())") }
    }

    private func members() throws -> JSON {
        var members: [String: JSON] = [
            "kind": .string(kind), "name": .string(name), "isDefault": .bool(isDefault),
            "recipients": .array(recipient.map { .string($0) }), "escalatesTo": JSON(escalatesTo),
            "match": [
                "tenants": .array(matchTenant.map { .string($0) }),
                "providers": .array(matchProvider.map { .string($0) }),
                "types": .array(matchType.map { .string($0) }), "minimumSeverity": JSON(minimumSeverity),
            ],
        ]
        let texts = [
            "url": url, "secret": secret, "token": token, "channel": channel, "signingSecret": signingSecret,
            "server": server, "sender": sender,
        ]
        for (name, text) in texts { if let text { members[name] = .string(try Self.value(text)) } }
        if let minimumSeverity, Severity(rawValue: minimumSeverity) == nil {
            throw ValidationError("--minimum-severity is critical, warning or info.")
        }
        return .object(members)
    }

    /// The text itself, or the first line of the file that `@` names.
    private static func value(_ text: String) throws -> String {
        guard text.hasPrefix("@") else { return text }
        guard let content = try? String(contentsOfFile: String(text.dropFirst()), encoding: .utf8) else {
            throw CommandFailure(status: 2, sentence: "The file \(text.dropFirst()) cannot be read.")
        }
        return content.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    }
}
