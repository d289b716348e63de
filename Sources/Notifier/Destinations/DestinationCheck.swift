package import Domain

enum MessageTypeNames {
    static var joined: String { MessageType.allCases.map(\.rawValue).joined(separator: ", ") }
}

/// Why a server may not be called, as the guard of outgoing connections says; nil when it may.
package struct AddressRefusal: Sendable {
    package var ofURL: @Sendable (Secret) -> String?
    /// Of an `smtp` or `smtps` URL.
    package var ofMailServer: @Sendable (Secret) -> String?

    package init(
        ofURL: @escaping @Sendable (Secret) -> String?, ofMailServer: @escaping @Sendable (Secret) -> String?
    ) {
        self.ofURL = ofURL
        self.ofMailServer = ofMailServer
    }

    /// Looks at the form of URLs alone.
    package static let none = AddressRefusal(ofURL: { _ in nil }, ofMailServer: { _ in nil })
}

/// What is wrong with a destination before it is stored or tested; addresses are checked again when a socket opens.
package enum DestinationCheck {
    static let recipientsMax = 50

    /// - Throws: ``DestinationError``.
    package static func check(_ destination: Destination, addresses: AddressRefusal) throws(DestinationError) {
        try checkForm(destination)
        let refusal: String? =
            switch destination.configuration {
            case .slackWebhook(let url), .webhook(let url, _, _): addresses.ofURL(url)
            case .slackBot(_, _, _, let api): api.flatMap(addresses.ofURL)
            case .email(let server, _): addresses.ofMailServer(server)
            }
        if let refusal { throw .refused(refusal) }
    }

    private static func checkForm(_ destination: Destination) throws(DestinationError) {
        guard (1...80).contains(destination.name.count), !destination.name.unicodeScalars.contains(where: isControl),
            (1...80).contains(destination.id.utf8.count), destination.id.utf8.allSatisfy(isIDCharacter)
        else { throw .name }
        for type in destination.match.types where MessageType(rawValue: type) == nil { throw .type(type) }
        switch destination.configuration {
        case .slackWebhook(let url):
            try check(url: url)
            guard destination.recipients.isEmpty else { throw .recipients }
        case .slackBot(let token, let channel, let signingSecret, let api):
            guard (1...400).contains(token.reveal().utf8.count), (1...80).contains(channel.utf8.count),
                [token.reveal(), channel, signingSecret?.reveal() ?? "x"].allSatisfy({ text in
                    !text.isEmpty && text.utf8.count <= 400 && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
                })
            else { throw .bot }
            if let api { try check(url: api) }
            guard destination.recipients.isEmpty else { throw .recipients }
        case .webhook(let url, let secret, let retiring):
            try check(url: url)
            _ = try WebhookSecret(parsing: secret)
            if let retiring { _ = try WebhookSecret(parsing: retiring.secret) }
            guard destination.recipients.isEmpty else { throw .recipients }
        case .email(let server, let sender):
            try check(mailServer: server)
            _ = try MailAddress(parsing: sender)
            guard (1...recipientsMax).contains(destination.recipients.count),
                Set(destination.recipients).count == destination.recipients.count
            else { throw .recipients }
            for recipient in destination.recipients {
                guard try MailAddress(parsing: recipient).name.isEmpty else { throw .address }
            }
        }
    }

    private static func check(url: Secret) throws(DestinationError) {
        let parts = try URLParts(url, fault: .url)
        guard parts.user == nil, !parts.hasFragment else { throw .url }
        guard parts.scheme == "https" || parts.scheme == "http" && parts.isLoopback else { throw .url }
    }

    private static func check(mailServer url: Secret) throws(DestinationError) {
        let parts = try URLParts(url, fault: .mailServer)
        guard parts.scheme == "smtp" || parts.scheme == "smtps", !parts.hasFragment else { throw .mailServer }
        if let user = parts.user, !user.contains(":") { throw .mailServer }
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.generalCategory == .control }

    private static func isIDCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ":"): true
        default: false
        }
    }
}

/// The parts of a URL that a check looks at; the whole never leaves.
private struct URLParts {
    var scheme: String
    var user: String?
    var host: String
    var hasFragment: Bool

    init(_ url: Secret, fault: DestinationError) throws(DestinationError) {
        let text = url.reveal()
        guard text.utf8.count <= 2048, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x5C }),
            let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://")
        else { throw fault }
        scheme = text[..<colon].lowercased()
        let rest = text[colon...].dropFirst(3)
        hasFragment = rest.contains("#")
        var authority = rest.prefix { !"/?#".contains($0) }
        if let at = authority.lastIndex(of: "@") {
            user = String(authority[..<at])
            authority = authority[authority.index(after: at)...]
        }
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { throw fault }
            host = String(authority[...end]).lowercased()
            authority = authority[authority.index(after: end)...]
        } else {
            let name = authority.prefix { $0 != ":" }
            host = name.lowercased()
            authority = authority[name.endIndex...]
        }
        guard !host.isEmpty else { throw fault }
        if !authority.isEmpty {
            guard authority.first == ":", let port = Int(authority.dropFirst()), (1...65535).contains(port) else {
                throw fault
            }
        }
    }

    var isLoopback: Bool { host == "localhost" || host == "[::1]" || host.hasPrefix("127.") }
}
