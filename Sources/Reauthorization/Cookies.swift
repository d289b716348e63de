import Domain
import FoundationEssentials
import Providers
import Sealing

/// Where this installation's pages are, and what cookies may do there.
struct Site: Sendable {
    let publicURL: String

    /// Browsers keep `__Host-` and `Secure` cookies for https alone, and not all of them make an exception for loopback.
    var isSecure: Bool { publicURL.hasPrefix("https://") }

    /// A sign-in travels over https, or does not leave the machine.
    var mayCarrySecrets: Bool { isSecure || ["127.0.0.1", "[::1]", "localhost"].contains(host) }

    private var authority: String {
        String((publicURL.split(separator: "/", maxSplits: 1).last ?? "").drop { $0 == "/" }.prefix { $0 != "/" })
    }

    private var host: String {
        authority.hasPrefix("[")
            ? String(authority.prefix { $0 != "]" }) + "]" : String(authority.prefix { $0 != ":" })
    }

    /// The path of a URL on this host; nil for one that leads elsewhere.
    func path(of url: String) -> String? {
        guard url.hasPrefix(publicURL) else { return nil }
        let rest = url.dropFirst(publicURL.count)
        guard rest.hasPrefix("/") else { return nil }
        return String(rest.prefix { $0 != "?" && $0 != "#" })
    }

    func cookieName(_ name: String) -> String { (isSecure ? "__Host-" : "") + "tokenward-" + name }

    /// - Parameter seconds: zero takes the cookie away.
    func setCookie(_ name: String, _ value: String, seconds: Int) -> HeaderField {
        HeaderField(
            "Set-Cookie",
            "\(cookieName(name))=\(value); Path=/; Max-Age=\(seconds); HttpOnly; SameSite=Lax"
                + (isSecure ? "; Secure" : ""))
    }
}

/// What one sign-in at a provider must remember; lives sealed in the browser that began it (PROTOCOL §8.1).
struct FlowCookie: Codable, Sendable {
    static let lifetime: TimeInterval = 600
    static let countMax = 5

    var state: String
    var verifier: String
    var nonce: String
    var provider: String
    var app: String
    var client: String
    /// The path that the link of the button had.
    var link: String
    var grant: Int64?
    var actor: String
    var isSignedIn: Bool
    var startedAt: Date

    /// `id.random`: the first part names the cookie.
    static func newState(id: String) -> String { id + "." + Base64URL.text(RandomBytes.make(32)) }

    static func newID() -> String { Base64URL.text(RandomBytes.make(9)) }

    /// The flow's id in a callback's `state`; nil for what we never sent.
    static func id(ofState state: String) -> String? {
        let parts = state.split(separator: ".", omittingEmptySubsequences: false)
        guard state.utf8.count <= 128, parts.count == 2, parts[0].utf8.count == 12 else { return nil }
        return String(parts[0])
    }
}

/// Whoever signed in with an API token; the token itself is not in the cookie, and a revoked one ends the session.
struct SessionCookie: Codable, Sendable {
    static let name = "session"
    static let lifetime: TimeInterval = 3600

    var digest: [UInt8]
    var expiresAt: Date
}

extension KeyRing {
    /// Seals a small document into text for a cookie or a link: `kid.bytes`.
    func sealedText(_ document: some Encodable, kind: SealKind, id: String) throws -> String {
        let sealed = try seal(Array(try JSONEncoder().encode(document)), in: SealContext(kind: kind, id: id))
        return sealed.kid + "." + Base64URL.text(sealed.bytes)
    }

    func opened<Document: Decodable>(
        _ text: some StringProtocol, as type: Document.Type, kind: SealKind, id: String
    ) -> Document? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard text.utf8.count <= 4096, parts.count == 2, let bytes = Base64URL.bytes(parts[1]),
            let plain = try? open(
                SealedValue(kid: String(parts[0]), bytes: bytes), in: SealContext(kind: kind, id: id))
        else { return nil }
        return try? JSONDecoder().decode(type, from: Data(plain))
    }
}
