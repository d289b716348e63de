import Domain
import FoundationEssentials

/// The JSON inside a destination's sealed column.
private struct DestinationDocument: Codable {
    var kind: String
    var url: String
    var sender: String?
    var secret: String?
    /// A webhook's former secret, and until when it signs.
    var retiring: String?
    var retiringUntil: Date?
    var channel: String?
}

extension DestinationConfiguration {
    /// The plain bytes that are sealed.
    func document() -> [UInt8] {
        let document =
            switch self {
            case .slackWebhook(let url): DestinationDocument(kind: kind.rawValue, url: url.reveal())
            case .slackBot(let token, let channel, let signingSecret, let api):
                DestinationDocument(
                    kind: kind.rawValue, url: api?.reveal() ?? "", sender: token.reveal(),
                    secret: signingSecret?.reveal(), channel: channel)
            case .email(let server, let sender):
                DestinationDocument(kind: kind.rawValue, url: server.reveal(), sender: sender)
            case .webhook(let url, let secret, let retiring):
                DestinationDocument(
                    kind: kind.rawValue, url: url.reveal(), secret: secret.reveal(),
                    retiring: retiring?.secret.reveal(), retiringUntil: retiring?.until)
            }
        // Strings always encode.
        return (try? JSONEncoder().encode(document)).map(Array.init) ?? []
    }

    init?(document bytes: [UInt8]) {
        guard let document = try? JSONDecoder().decode(DestinationDocument.self, from: Data(bytes)) else { return nil }
        switch (DestinationKind(rawValue: document.kind), document.sender, document.secret) {
        case (.slackWebhook, _, _): self = .slackWebhook(url: Secret(document.url))
        case (.slackBot, let token?, let secret):
            guard let channel = document.channel else { return nil }
            self = .slackBot(
                token: Secret(token), channel: channel, signingSecret: secret.map { Secret($0) },
                api: document.url.isEmpty ? nil : Secret(document.url))
        case (.email, let sender?, _): self = .email(server: Secret(document.url), sender: sender)
        case (.webhook, _, let secret?):
            var retiring: RetiringSecret?
            if let former = document.retiring, let until = document.retiringUntil {
                retiring = RetiringSecret(secret: Secret(former), until: until)
            }
            self = .webhook(url: Secret(document.url), secret: Secret(secret), retiring: retiring)
        default: return nil
        }
    }
}
