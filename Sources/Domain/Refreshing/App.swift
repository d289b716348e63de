package import FoundationEssentials

/// One OAuth client registration at a provider, of the platform or of one tenant.
package struct App: Sendable {
    /// The provider's name for the platform's app, `provider/tenant` for a tenant's.
    package var id: String
    package var provider: String
    package var tenantID: String?
    package var clientID: String
    /// Tried in order; at most three in one attempt.
    package var secrets: [Secret]
    package var redirectURI: String?
    /// Connection parameters that hold for all of its channels (`token_url` …); they win over a channel's own.
    package var parameters: [String: String]

    package init(
        id: String, provider: String, tenantID: String? = nil, clientID: String, secrets: [Secret],
        redirectURI: String? = nil, parameters: [String: String] = [:]
    ) {
        self.id = id
        self.provider = provider
        self.tenantID = tenantID
        self.clientID = clientID
        self.secrets = secrets
        self.redirectURI = redirectURI
        self.parameters = parameters
    }
}

/// What the refresh loop thinks of an app (PROTOCOL §7).
package enum AppState: String, Sendable {
    case ok
    /// One `client` answer: one attempt at a time until a canary decides.
    case suspect
    /// Confirmed: nobody's tokens are tried but a probe every 10 minutes.
    case paused
    /// Three channels failing with no success between.
    case degraded
}

/// A stored app state and since when.
package struct AppStanding: Sendable, Equatable {
    package var state: AppState
    package var since: Date
    /// When the next probe of a paused app is due.
    package var probeAt: Date?
    /// Denials flag nobody since then; nil: they do.
    package var heldSince: Date?
    /// When the last hold ended.
    package var releasedAt: Date?

    package init(
        state: AppState, since: Date, probeAt: Date? = nil, heldSince: Date? = nil, releasedAt: Date? = nil
    ) {
        self.state = state
        self.since = since
        self.probeAt = probeAt
        self.heldSince = heldSince
        self.releasedAt = releasedAt
    }
}
