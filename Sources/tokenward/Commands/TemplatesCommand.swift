import ArgumentParser
import Domain
import FoundationEssentials
import Runtime

struct TemplatesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "templates", abstract: "Shows what messages look like.",
        discussion: "Example: tokenward templates preview --kind reminder --language es",
        subcommands: [TemplatesPreview.self])
}

struct TemplatesPreview: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "preview", abstract: "Renders a message with made-up incidents; sends nothing.",
        discussion: """
            With TOKENWARD_TEMPLATES it shows your own templates. A file is written by its ending: .html the mail's page, \
            .eml the whole mail, .json Slack's Block Kit or, for webhooks, their body.

            Example: tokenward templates preview --kind opened --type channel.expiring --transport email --output mail.html
            """)

    @OptionGroup var common: CommonOptions
    @Option(help: "opened, reminder, escalated, recovered or test.", transform: Self.kind)
    var kind: MessageKind = .opened
    @Option(
        help: "A message's type, such as app.rejected; the kind's usual one when left out.", transform: Self.type)
    var type: MessageType?
    @Option(help: "en, es, ru or vi; TOKENWARD_LANGUAGE when left out.") var language: String?
    @Option(help: "slack, email or webhook.") var transport: PreviewTransport = .slack
    @Option(help: "How many channels wait.") var channels = 2
    @Option(help: "A file to write instead of the terminal: .html, .eml or .json.") var output: String?
    @Flag(help: "Print what goes over the wire: Block Kit, the mail or the webhook's body.") var json = false

    func validate() throws {
        guard (1...100_000).contains(channels) else { throw ValidationError("--channels is from 1 to 100000.") }
        if let language, !["en", "es", "ru", "vi"].contains(language) {
            throw ValidationError("--language is one of en, es, ru, vi.")
        }
    }

    private static func kind(_ text: String) throws -> MessageKind {
        guard let kind = MessageKind(rawValue: text) else {
            throw ValidationError("--kind is one of \(MessageKind.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        return kind
    }

    private static func type(_ text: String) throws -> MessageType {
        guard let type = MessageType(rawValue: text) else {
            throw ValidationError("--type is one of \(MessageType.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        return type
    }

    func run() async throws {
        let message = try PreviewedMessage.render(
            kind: kind, type: type, language: language, channels: channels,
            settings: try common.settings(needsDatabase: false))
        if let output {
            try write(message, to: output)
        } else if json {
            Terminal.line(wire(of: message))
        } else {
            Terminal.line(message.title)
            Terminal.line("")
            Terminal.line(transport == .webhook ? message.webhook : message.text)
        }
    }

    private func wire(of message: PreviewedMessage) -> String {
        switch transport {
        case .slack: message.slack
        case .email: message.mail
        case .webhook: message.webhook
        }
    }

    private func write(_ message: PreviewedMessage, to path: String) throws {
        let text =
            switch path.split(separator: ".").last {
            case "html": message.html
            case "eml": message.mail
            case "json": transport == .webhook ? message.webhook : message.slack
            default: throw ValidationError("--output ends in .html, .eml or .json.")
            }
        do {
            try Data(text.utf8).write(to: URL(filePath: path))
        } catch {
            throw CommandFailure(sentence: "\(path) cannot be written: look at the directory and its rights.")
        }
        Terminal.line("\(path) is written.")
    }
}

enum PreviewTransport: String, ExpressibleByArgument, CaseIterable {
    case slack, email, webhook
}
