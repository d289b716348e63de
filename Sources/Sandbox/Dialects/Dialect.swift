import Domain
import FoundationEssentials

/// What a request asks of a provider.
enum Operation: String, Sendable {
    case refresh, exchange, inspect, revoke
}

/// A request as the platform's rules read it.
struct TokenCall: Sendable {
    var operation: Operation
    var clientID: String?
    var clientSecret: String?
    /// The refresh or access token, or the code of an exchange.
    var credential: String?
    var redirectURI: String?
    var codeVerifier: String?
    /// The account in the path (amoCRM's subdomain).
    var account: String?
}

/// What the platform checks of the app.
struct AppProof: OptionSet, Sendable {
    let rawValue: Int
    static let identifier = AppProof(rawValue: 1)
    static let secret = AppProof(rawValue: 2)
    static let redirectURI = AppProof(rawValue: 4)
    static let full: AppProof = [.identifier, .secret]
}

/// Why a request brought no token.
enum Refusal: Sendable, Equatable {
    /// Unknown, revoked or expired refresh token or code.
    case dead
    /// A refresh token that was used before.
    case spent
    /// An access token (the credential) past its end.
    case expired
    case client
    case suspended
    case malformed(String)
    case unsupportedGrant
    case rateLimited(Duration)
    case server(Int)

    var name: String {
        switch self {
        case .dead: "dead"
        case .spent: "spent"
        case .expired: "expired"
        case .client: "client"
        case .suspended: "suspended"
        case .malformed: "malformed"
        case .unsupportedGrant: "unsupportedGrant"
        case .rateLimited: "rateLimited"
        case .server: "server"
        }
    }
}

/// A pair on its way to the client.
struct Issue: Sendable {
    var grant: SandboxGrantKey
    var pair: SandboxPair
    /// When the answer was made.
    var now: Date
    var clientID: String
    /// Whether the answer carries a refresh token (never for platforms that do not rotate, unless it is a first one).
    var carriesRefresh: Bool

    /// Whole seconds until the access token ends.
    var expiresIn: JSONValue { .number(Int64(max(0, pair.accessExpiresAt.timeIntervalSince(now).rounded()))) }
    /// Whole seconds until the refresh token ends.
    var refreshExpiresIn: JSONValue? {
        pair.refreshExpiresAt.map { .number(Int64(max(0, $0.timeIntervalSince(now).rounded()))) }
    }
    var access: JSONValue { .string(pair.access.reveal()) }
    var refresh: JSONValue { .string(pair.refresh?.reveal() ?? "") }
}

/// What an introspection found; nil pair: nothing valid.
struct Finding: Sendable {
    var issue: Issue?
    var appIsKnown: Bool
    /// An access token of ours that ended.
    var isExpired: Bool
}

/// How one platform speaks: paths, parameter names, bodies, error shapes.
protocol Dialect: Sendable {
    /// What of the app a token request must prove.
    var proof: AppProof { get }
    /// Prefixes of access and refresh tokens.
    var prefixes: (access: String, refresh: String) { get }
    /// Reads a request to `path` (behind the provider's name). Nil: no such endpoint.
    func call(_ path: String, _ request: WireRequest) -> Result<TokenCall, RefusalError>?
    func success(_ issue: Issue) -> JSONValue
    func refusal(_ refusal: Refusal, _ operation: Operation) -> WireAnswer
    func inspection(_ finding: Finding) -> WireAnswer
    func revocation(known: Bool) -> WireAnswer
    /// What a wrong path or method gets.
    var notFound: WireAnswer { get }
}

struct RefusalError: Error {
    var refusal: Refusal
    init(_ refusal: Refusal) { self.refusal = refusal }
}

extension Dialect {
    var proof: AppProof { .full }
    var notFound: WireAnswer { .text("404 page not found", status: 404) }

    func inspection(_ finding: Finding) -> WireAnswer { notFound }
    func revocation(known: Bool) -> WireAnswer { notFound }

    /// The answer with the members that a fault takes away or empties.
    func success(_ issue: Issue, fault: SandboxFault?) -> JSONValue {
        let answer = success(issue)
        switch fault {
        case .missingExpiry: return answer.withoutLifetime
        case .blankRefreshToken: return answer.withBlankRefreshToken
        default: return answer
        }
    }

    func retryAfter(_ delay: Duration) -> (name: String, value: String) {
        ("Retry-After", "\(Int(delay.seconds.rounded(.up)))")
    }

    /// Digits like those the platforms put into request and log ids.
    func requestID() -> JSONValue {
        .string("2026" + String(UInt64.random(in: 1_000_000_000...9_999_999_999)) + "ABCDEF")
    }
}

extension JSONValue {
    private static let lifetimeNames: Set = ["expires_in", "access_token_expire_in"]

    fileprivate var withoutLifetime: JSONValue {
        guard case .object(let members) = self else { return self }
        return .object(
            members.filter { !Self.lifetimeNames.contains($0.name) }
                .map { Member(name: $0.name, value: $0.value.withoutLifetime) })
    }

    /// `data.refresh_token` where the answer is an envelope.
    fileprivate var withBlankRefreshToken: JSONValue {
        if let data = self["data"] { return setting("data", to: data.setting("refresh_token", to: "")) }
        return setting("refresh_token", to: "")
    }
}
