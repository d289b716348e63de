import Domain
import FoundationEssentials
import Templates

/// Takes a destination's secrets out of what its receiver or the network answered.
struct Redaction: Sendable {
    private let configuration: DestinationConfiguration

    static let excerptBytesMax = 1000
    /// Shorter ones would blot out ordinary words.
    private static let secretBytesMin = 4

    init(_ configuration: DestinationConfiguration) {
        self.configuration = configuration
    }

    /// The longest first: a part must not break the whole in two.
    private var secrets: [String] {
        var secrets: Set<String> = []
        switch configuration {
        case .slackWebhook(let url):
            secrets.formUnion(Self.parts(of: url))
        case .slackBot(let token, _, let signingSecret, let api):
            secrets.insert(token.reveal())
            if let signingSecret { secrets.insert(signingSecret.reveal()) }
            if let api { secrets.formUnion(Self.parts(of: api)) }
        case .email(let server, _):
            secrets.formUnion(Self.parts(of: server))
        case .webhook(let url, let secret, let retiring):
            secrets.formUnion(Self.parts(of: url))
            for one in [secret.reveal(), retiring?.secret.reveal() ?? ""].joined(separator: " ").split(whereSeparator: {
                $0 == " " || $0 == ","
            }) {
                secrets.insert(String(one))
                secrets.insert(String(one.dropFirst(one.hasPrefix("whsec_") ? 6 : 0)))
            }
        }
        return secrets.filter { $0.utf8.count >= Self.secretBytesMin }.sorted { $0.utf8.count > $1.utf8.count }
    }

    /// At most ``excerptBytesMax`` bytes on one line, no controls, each secret replaced.
    func clean(_ text: String) -> String {
        var text = text
        if text.utf8.count >= Self.secretBytesMin {
            for secret in secrets { text = text.replacing(secret, with: "<redacted>") }
        }
        let clean = DisplayText.clean(text)
        return clean.utf8.count <= Self.excerptBytesMax
            ? clean : String(decoding: clean.utf8.prefix(Self.excerptBytesMax), as: UTF8.self)
    }

    /// Nil for an empty answer.
    func excerpt(_ body: [UInt8]) -> String? {
        let text = clean(String(decoding: body.prefix(4 * Self.excerptBytesMax), as: UTF8.self))
        return text.isEmpty ? nil : text
    }

    /// A URL, what follows its host, its long path segments, and its user and password, as written and decoded.
    private static func parts(of url: Secret) -> Set<String> {
        let whole = url.reveal()
        var parts: Set<String> = [whole]
        guard let scheme = whole.firstIndex(of: ":") else { return parts }
        let rest = whole[scheme...].drop { $0 == ":" || $0 == "/" }
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        parts.insert(String(rest[end...]))
        for segment in rest[end...].split(whereSeparator: { "/?&=".contains($0) }) where segment.count >= 8 {
            parts.insert(String(segment))
        }
        if let at = rest[..<end].lastIndex(of: "@") {
            let user = rest[..<at]
            parts.insert(String(user))
            for part in user.split(separator: ":") {
                parts.insert(String(part))
                parts.insert(PercentCoding.decoded(part))
            }
        }
        return parts
    }
}
