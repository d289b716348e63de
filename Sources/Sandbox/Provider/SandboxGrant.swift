package import Domain
package import FoundationEssentials

/// One account's consent at one platform.
package struct SandboxGrantKey: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var provider: SandboxPlatform
    /// The platform's account id; for amoCRM and Kommo the subdomain.
    package var account: String

    package init(_ provider: SandboxPlatform, _ account: String) {
        self.provider = provider
        self.account = account
    }

    package var description: String { "\(provider.rawValue)/\(account)" }

    package static func < (left: SandboxGrantKey, right: SandboxGrantKey) -> Bool {
        (left.provider, left.account) < (right.provider, right.account)
    }
}

/// A token pair as the sandbox issued it.
package struct SandboxPair: Sendable, Equatable {
    package var access: Secret
    /// Nil where the access token is the credential.
    package var refresh: Secret?
    package var issuedAt: Date
    package var accessExpiresAt: Date
    package var refreshExpiresAt: Date?
    package var scopes: [String]

    /// What a refresh presents.
    var credential: String { (refresh ?? access).reveal() }
}

/// What the sandbox knows of a grant at one moment.
package struct SandboxGrantSnapshot: Sendable {
    package var key: SandboxGrantKey
    /// The newest pair: what the database must hold.
    package var newest: SandboxPair
    package var isRevoked: Bool
    /// Refresh requests that named this grant.
    package var requests: Int
    /// Requests after which a new pair existed.
    package var renewals: Int
    /// Uses of a credential that was not the newest.
    package var reuses: Int
    /// Requests that came while another of this grant was not over.
    package var overlaps: Int
    package var inFlight: Int
    package var inFlightMax: Int
}

/// The sandbox's whole state at one moment.
package struct SandboxSnapshot: Sendable {
    /// By provider and account.
    package var grants: [SandboxGrantSnapshot]
    /// Refresh requests, those with unknown tokens included.
    package var requests: Int
    /// Credentials presented that were never issued here.
    package var unknownCredentials: Int

    package var renewals: Int { grants.reduce(0) { $0 + $1.renewals } }
    package var reuses: Int { grants.reduce(0) { $0 + $1.reuses } }
    package var overlaps: Int { grants.reduce(0) { $0 + $1.overlaps } }

    package subscript(provider: SandboxPlatform, account: String) -> SandboxGrantSnapshot? {
        grants.first { $0.key == SandboxGrantKey(provider, account) }
    }
}

/// An OAuth client registered at the sandbox.
package struct SandboxApp: Sendable, Equatable {
    package var clientID: String
    /// Any of them is accepted.
    package var clientSecrets: [Secret]
    package var redirectURI: String?

    package init(clientID: String, clientSecrets: [Secret], redirectURI: String? = nil) {
        self.clientID = clientID
        self.clientSecrets = clientSecrets
        self.redirectURI = redirectURI
    }
}

/// One request that the sandbox has answered, or chosen not to.
package struct SandboxExchange: Sendable, Equatable {
    package var provider: SandboxPlatform
    /// Nil when the credential was unknown.
    package var account: String?
    /// `refresh`, `exchange`, `inspect`, `revoke`.
    package var operation: String
    /// The word `renewed`, or why not: `dead`, `spent`, `expired`, `client`, `rateLimited`.
    package var outcome: String
    /// The fault that was played, by its name.
    package var fault: String?
}
