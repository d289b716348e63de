package import FoundationEssentials

/// A message that a sink was given, read as a human would.
package struct SinkMessage: Sendable, Equatable {
    package enum Transport: String, Sendable {
        case slack, email, webhook
    }

    package var transport: Transport
    /// Webhook path, Slack channel or mail recipients.
    package var recipient: String
    /// Subject, header or event type.
    package var title: String
    /// The text part.
    package var text: String
    /// The first link.
    package var link: String?
    package var receivedAt: Date
    /// Mail headers and HTTP headers (lower-case names), in order.
    package var headers: [(name: String, value: String)]
    /// The body, or the whole mail, as it came.
    package var raw: [UInt8]
    /// Whether the signature was right; nil where none is asked for.
    package var isSigned: Bool?

    /// The first value of a header, by any case of its name.
    package func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    package static func == (left: SinkMessage, right: SinkMessage) -> Bool {
        left.transport == right.transport && left.raw == right.raw && left.receivedAt == right.receivedAt
    }

    /// A few lines for a terminal, without control characters: who, title, text, link.
    package var pretty: String {
        let mark =
            switch transport {
            case .slack: "💬 Slack"
            case .email: "✉️  E-mail"
            case .webhook: "🪝 Webhook"
            }
        let body = text.split(whereSeparator: \.isNewline).map { Self.printable(String($0)) }.filter { !$0.isEmpty }
        var lines = ["\(mark) → \(Self.printable(recipient))"]
        if !title.isEmpty { lines.append(Self.printable(title)) }
        lines += body.filter { $0 != title }.prefix(8)
        if let link, !body.contains(where: { $0.contains(link) }) { lines.append(link) }
        return lines.enumerated().map { $0.offset == 0 ? $0.element : "   " + $0.element }.joined(separator: "\n")
    }

    private static func printable(_ text: String) -> String {
        let scalars = text.unicodeScalars.filter { $0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value) }
        return String(String.UnicodeScalarView(scalars.prefix(300)))
    }

    /// The first http or https address in a text.
    static func firstLink(in text: String) -> String? {
        for scheme in ["https://", "http://"] {
            guard let start = text.firstRange(of: scheme)?.lowerBound else { continue }
            return String(text[start...].prefix { !$0.isWhitespace && !"<>\"|)".contains($0) })
        }
        return nil
    }
}

/// What a sink says instead of accepting.
package struct SinkRefusal: Sendable, Equatable {
    /// An HTTP status, or an SMTP reply code.
    package var status: Int
    package var body: String
    package var retryAfterSeconds: Int?
    /// Over HTTP: nothing is answered until the peer goes away.
    package var hangs: Bool

    package init(status: Int, body: String = "", retryAfterSeconds: Int? = nil, hangs: Bool = false) {
        self.status = status
        self.body = body
        self.retryAfterSeconds = retryAfterSeconds
        self.hangs = hangs
    }
}
