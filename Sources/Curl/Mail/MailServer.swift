/// Where and how mails are handed over: an `SMTP_URL` taken apart.
package struct MailServer: Sendable, Equatable {
    package enum Encryption: Sendable, Equatable {
        /// TLS from the first byte (`smtps://`).
        case implicit
        /// STARTTLS, without which the connection is given up (`smtp://`).
        case required
        /// None (`?tls=none`); reaches only loopback addresses inside allowed networks.
        case none
    }

    package let encryption: Encryption
    package let host: String
    package let port: Int
    /// Empty when the server wants nobody to authenticate.
    let user: String
    let password: String
    /// What we call ourselves; nil for the name of this machine.
    let clientName: String?

    /// Reads `smtp://[user:password@]host[:port][/name-for-EHLO][?tls=none]` or `smtps://…`.
    ///
    /// User and password are percent-encoded. Ports default to 587 and 465.
    ///
    /// - Throws: ``MailServerError``; never quotes the URL.
    package init(_ url: String) throws(MailServerError) {
        guard let parts = URLParts(url) else { throw .notAURL }
        switch (parts.scheme, parts.query) {
        case ("smtps", nil): encryption = .implicit
        case ("smtp", nil): encryption = .required
        case ("smtp", "tls=none"): encryption = .none
        case ("smtp", _), ("smtps", _): throw .unknownQuery
        default: throw .scheme
        }
        guard (parts.user ?? "").isEmpty == (parts.password ?? "").isEmpty else { throw .halfCredentials }
        let name = parts.path.drop { $0 == "/" }
        guard name.utf8.allSatisfy({ Self.isNameByte($0) }), name.utf8.count <= 255 else { throw .clientName }
        host = parts.host
        port = parts.port ?? (encryption == .implicit ? 465 : 587)
        user = parts.user ?? ""
        password = parts.password ?? ""
        clientName = name.isEmpty ? nil : String(name)
    }

    /// For libcurl: without user and password.
    var url: String {
        "\(encryption == .implicit ? "smtps" : "smtp")://\(host):\(port)/\(clientName ?? "")"
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

extension MailServer: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "\(host):\(port)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// What is wrong with an `SMTP_URL`.
package enum MailServerError: Error, Equatable, CustomStringConvertible {
    case notAURL
    case scheme
    case unknownQuery
    case halfCredentials
    case clientName

    package var description: String {
        switch self {
        case .notAURL:
            "The mail server is no URL; write smtp://user:password@host:587 with user and password percent-encoded."
        case .scheme: "The mail server's URL must begin with smtp:// or smtps://."
        case .unknownQuery: "The mail server's URL takes nothing after '?' but tls=none, and that with smtp:// only."
        case .halfCredentials: "The mail server's URL has a user without a password or the reverse; write both or none."
        case .clientName: "The path of the mail server's URL is the name for EHLO: letters, digits, dots and hyphens."
        }
    }
}
