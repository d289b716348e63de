package import Domain
import Sealing

/// Finds the caller of a bearer token by its digest; the token itself is stored nowhere.
package struct TokenAuthenticator: Authenticating {
    let tokens: any APITokenDirectory

    package init(tokens: any APITokenDirectory) {
        self.tokens = tokens
    }

    package func caller(presenting token: Secret) async throws -> Caller? {
        guard token.reveal().utf8.count <= 512 else { return nil }
        guard let (name, role) = try await tokens.tokenHolder(digest: TokenDigest.of(token)) else { return nil }
        return Self.role(role).map { Caller(name: name, role: $0) }
    }

    static func role(_ text: String) -> Caller.Role? {
        switch text {
        case "superadmin": .superadmin
        case "probe": .probe
        default: text.hasPrefix("tenant:") ? .tenant(String(text.dropFirst(7))) : nil
        }
    }
}
