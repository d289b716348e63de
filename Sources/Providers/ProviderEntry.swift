package import Domain

/// One provider of the catalogue: how its requests are built and its answers are read.
///
/// Pure; holds no secret.
package struct ProviderEntry: Sendable {
    package let name: String
    /// The name for people.
    package let title: String
    /// No new connections; existing ones are kept alive.
    package let isDeprecated: Bool
    package let note: String?
    package let sources: [String]
    package let credential: CredentialKind
    package let policy: RefreshPolicy
    package let lifetime: Lifetime
    package let connectionParameters: [ConnectionParameter]
    /// The entry's `limits`, as written.
    package let limits: [String: String]
    package let authorization: AuthorizationRules
    /// Bodies and the class each must get; the entry's own tests.
    package let examples: [Example]

    let requests: [RequestKind: RequestRules]
    let answer: AnswerRules
    let inspection: InspectionRules
    /// Where the answer of ``RequestKind/identify`` holds the account's id.
    let identity: [BodyPath]
    let retryAfter: [RetryAfterSource]
    let rules: [Rule]
    /// What a lookup of a moved account gives; nil when there is none.
    let relocation: RelocationRules?

    /// Whether a moved account can be looked up.
    var hasRelocation: Bool { relocation != nil && hasRequest(.relocate) }

    /// What an unknown outcome allows (PROTOCOL §2), the first that matches.
    package var replayClass: ReplayClass {
        if credential == .none || policy.rotation == .never { return .free }
        switch policy.oldRefreshValid {
        case .forever, .untilNextUse: return .free
        case .none, .unknown, .valid: break
        }
        if policy.onReuse == .familyRevoked { return .family }
        if case .valid(let window) = policy.oldRefreshValid { return .grace(window) }
        return .single
    }

    package var renewalTime: RenewalTime {
        RenewalTime(refreshBefore: policy.refreshBefore, keepAlive: policy.keepAlive, minAge: policy.minAge)
    }

    /// Life left in an access token below which one that can be made a long-lived one is exchanged at once.
    package static let shortLife: Duration = .seconds(172_800)

    /// Whether a token with so much life left does not wait for its margin (DESIGN §4): a short-lived one of a provider
    /// that makes long-lived ones of them.
    package func exchangesAtOnce(left: Duration) -> Bool {
        credential == .accessToken && hasRequest(.upgrade)
            && left < min(Self.shortLife, lifetime.access.map { $0 / 4 } ?? Self.shortLife)
    }

    package func hasRequest(_ kind: RequestKind) -> Bool { requests[kind] != nil }

    /// Whether the provider can be asked about a token.
    package var canInspect: Bool { hasRequest(.inspect) }

    /// Whether disconnecting can tell the provider.
    package var canRevoke: Bool { hasRequest(.revoke) }

    /// What a revocation ends; nil when there is none.
    package var revocationReach: RevocationReach? { requests[.revoke].map { $0.ends } }
}

/// What ends when a token is revoked; the raw value is `revoke.ends` of a catalogue file.
package enum RevocationReach: String, Sendable, CaseIterable {
    /// The token that is sent and what was made from it (RFC 7009 §2.1).
    case token
    /// Everything this account ever allowed this app, also what other channels use.
    case consent
}

/// The requests an entry may have.
package enum RequestKind: String, Sendable, CaseIterable {
    /// Code for tokens.
    case exchange
    /// Short-lived for long-lived token.
    case upgrade
    case refresh
    case revoke
    case inspect
    /// Where a moved account is now.
    case relocate
    /// Whose the token is, where neither the token answer nor the inspection says.
    case identify
    /// A harmless call with the access token, where the provider has no inspection.
    case probe
}

/// How one request is written.
struct RequestRules: Sendable {
    enum Method: String, CaseIterable, Sendable {
        case get = "GET"
        case post = "POST"
        case delete = "DELETE"
    }

    enum Encoding: String, CaseIterable, Sendable { case form, json, query }

    enum ClientAuthentication: String, CaseIterable, Sendable {
        /// Among the parameters.
        case params
        case basic
        case none
    }

    let method: Method
    let encoding: Encoding
    let clientAuthentication: ClientAuthentication
    let basicUser: Template
    let basicPassword: Template
    let endpoint: Endpoint
    let headers: [(name: String, value: Template)]
    let parameters: [(name: String, value: Template)]
    /// Of a revocation.
    let ends: RevocationReach
    /// Whether it proves who the app is; a refusal may then be the app's.
    let presentsApp: Bool
}

/// Where a token answer holds what.
struct AnswerRules: Sendable {
    let format: AnswerFormat
    let success: [SuccessPredicate]
    let accessToken: [BodyPath]
    let refreshToken: [BodyPath]
    let accessExpires: Expiry
    let refreshExpires: Expiry?
    let scope: [BodyPath]
    let tokenType: BodyPath?
    let accountID: [BodyPath]
    let meta: [(name: String, path: BodyPath)]
}

/// Where an inspection's answer holds what.
struct InspectionRules: Sendable {
    var alive: BodyPath?
    var accessExpires: Expiry?
    var dataAccessExpires: Expiry?
    var scopes: [BodyPath] = []
    var errorCode: BodyPath?
    var errorSubcode: BodyPath?
    var accountID: [BodyPath] = []
}

/// What the lookup of a moved account gives.
struct RelocationRules: Sendable {
    let parameter: ConnectionParameter
    let path: BodyPath
}

/// How the consent page is asked for.
package struct AuthorizationRules: Sendable {
    package enum ProofKey: String, CaseIterable, Sendable { case none, optional, required }

    package let isAvailable: Bool
    package let proofKey: ProofKey
    package let scopeSeparator: String
    package let defaultScopes: [String]
    package let sendsRedirectURI: Bool
    package let sendsScope: Bool
    let clientIDParameter: String
    let clientIDValue: Template
    let parameters: [(name: String, value: Template)]
    let endpoint: Endpoint?
    /// What `iss` of a callback must be (RFC 9207); nil: an issuer on the consent page's host.
    let issuer: Template?
}

/// A recorded or documented answer and what it must be taken for.
package struct Example: Sendable {
    package let name: String
    package let phase: Phase
    package let status: Int
    package let headers: [HeaderField]
    package let body: [UInt8]
    /// A class, or `ok`.
    package let expected: String
    let place: CataloguePlace
}

extension ProviderEntry {
    /// The place of each example that is not classified as it says, with a sentence.
    package func failingExamples() -> [CatalogueError] {
        examples.compactMap { example in
            let got: String
            switch verdict(status: example.status, headers: example.headers, body: example.body, phase: example.phase) {
            case .success: got = "ok"
            case .failure(let failure): got = "\(failure.answerClass.rawValue) (\(failure.reason))"
            }
            if got == example.expected || got.hasPrefix(example.expected + " ") { return nil }
            return example.place.says(
                "The example “\(example.name)” of \(name) is read as \(got), not as \(example.expected).")
        }
    }
}
