/// Why a URL may not be saved as a destination.
///
/// A first, friendly answer: the guard at the socket decides in the end.
package enum DestinationRefusal: Error, Equatable, CustomStringConvertible {
    case notAURL
    case scheme(String)
    case unencrypted
    case credentials
    case privateAddress
    case internalName

    package var description: String {
        switch self {
        case .notAURL: "This is no complete URL; write one such as https://example.com/hook."
        case .scheme(let scheme): "URLs with '\(scheme)://' are not called; write one with https://."
        case .unencrypted:
            "Plain http:// is called only at a loopback address inside TOKENWARD_ALLOW_NETWORKS; write https://."
        case .credentials: "The URL holds a user name or password; remove them."
        case .privateAddress:
            "The host is a private or reserved address; write a public one or add its network to TOKENWARD_ALLOW_NETWORKS."
        case .internalName:
            "The host is an internal name; write a public one or add its network to TOKENWARD_ALLOW_NETWORKS."
        }
    }
}

extension AddressGuard {
    /// Why `url` may not be saved as a destination; nil when it may.
    ///
    /// Resolves no names.
    package func refusal(ofURL url: String) -> DestinationRefusal? {
        guard let parts = URLParts(url) else { return .notAURL }
        guard parts.scheme == "https" || parts.scheme == "http" else { return .scheme(parts.scheme) }
        guard parts.user == nil, parts.password == nil else { return .credentials }
        return refusal(ofHostLiteral: parts.host, isEncrypted: parts.scheme == "https")
    }

    /// Why the mail server of an `smtp` or `smtps` URL may not be saved; nil when it may.
    ///
    /// `smtp://` is encrypted by STARTTLS unless it says `?tls=none`. Resolves no names.
    package func refusal(ofMailServer url: String) -> DestinationRefusal? {
        guard let parts = URLParts(url) else { return .notAURL }
        guard parts.scheme == "smtp" || parts.scheme == "smtps" else { return .scheme(parts.scheme) }
        return refusal(
            ofHostLiteral: parts.host, isEncrypted: parts.scheme == "smtps" || parts.query?.contains("tls=none") != true
        )
    }

    /// Why the host of a URL may not be saved; nil when it may, which is so for every name that is not an internal one.
    ///
    /// Internal names (`localhost`, `*.internal`, `*.svc`…, names without a dot) pass when any network is allowed: which
    /// addresses they have is seen at the connection.
    package func refusal(ofHostLiteral host: String, isEncrypted: Bool = true) -> DestinationRefusal? {
        if let address = IPAddress(hostLiteral: host) {
            guard isEncrypted || allowsUnencrypted(to: address) else { return .unencrypted }
            return allows(address) ? nil : .privateAddress
        }
        var name = host.lowercased()
        if name.hasSuffix(".") { name.removeLast() }
        let isInternal = !name.contains(".") || Self.internalSuffixes.contains { name.hasSuffix($0) }
        if !isEncrypted {
            // Only a name for this machine can have the loopback addresses that plain http is for.
            let isLocal = name == "localhost" || name.hasSuffix(".localhost")
            return isLocal && allowedNetworks.contains { $0.network.isLoopback } ? nil : .unencrypted
        }
        return isInternal && allowedNetworks.isEmpty ? .internalName : nil
    }

    private static let internalSuffixes = [
        ".localhost", ".local", ".internal", ".intranet", ".lan", ".home.arpa", ".svc", ".cluster.local",
    ]
}
