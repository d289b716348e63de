package import FoundationEssentials

/// The number of a claim: lease token, audit key and version of what the attempt writes (PROTOCOL §1).
package struct ClaimKey: Hashable, Sendable {
    package var channelID: ChannelID
    package var attempt: Int64

    package init(channelID: ChannelID, attempt: Int64) {
        self.channelID = channelID
        self.attempt = attempt
    }

    /// The key of an authorization's answer in the journal: no channel's id may hold a space.
    package static func authorization(_ id: Int64) -> ClaimKey {
        ClaimKey(channelID: authorizations, attempt: id)
    }

    /// The number of the authorization; nil for a claim's key.
    package var authorizationID: Int64? { channelID == Self.authorizations ? attempt : nil }

    private static let authorizations: ChannelID = "an authorization"
}

/// A channel this replica alone may refresh until its lease ends.
package struct Claim: Sendable {
    package var key: ClaimKey
    package var tenantID: String
    package var provider: String
    package var appID: String
    package var grantID: Int64
    /// `written` at the claim: which attempt wrote the credential that is presented.
    package var base: Int64
    package var doubt: Bool
    package var fails: Int
    package var denials: Int
    package var status: ChannelStatus
    package var reason: WarningReason?
    package var accessExpiresAt: Date?
    package var refreshExpiresAt: Date?
    package var accessIssuedAt: Date?
    package var lastRefreshAt: Date?
    /// When it was due, for lateness.
    package var dueAt: Date?
    /// The opened credential, or why it does not open.
    package var credential: Result<Credential, SealedCredentialFault>

    package var channelID: ChannelID { key.channelID }
    package var attempt: Int64 { key.attempt }

    /// The loop leaves the channel alone: whatever gives its claim back leaves `due_at` empty.
    package var isParked: Bool {
        switch status {
        case .active: false
        case .warning: reason?.parks ?? false
        case .paused, .disconnected: true
        }
    }

    package init(
        key: ClaimKey, tenantID: String, provider: String, appID: String, grantID: Int64, base: Int64, doubt: Bool,
        fails: Int, denials: Int, status: ChannelStatus, reason: WarningReason?, accessExpiresAt: Date?,
        refreshExpiresAt: Date?, accessIssuedAt: Date?, lastRefreshAt: Date?, dueAt: Date?,
        credential: Result<Credential, SealedCredentialFault>
    ) {
        self.key = key
        self.tenantID = tenantID
        self.provider = provider
        self.appID = appID
        self.grantID = grantID
        self.base = base
        self.doubt = doubt
        self.fails = fails
        self.denials = denials
        self.status = status
        self.reason = reason
        self.accessExpiresAt = accessExpiresAt
        self.refreshExpiresAt = refreshExpiresAt
        self.accessIssuedAt = accessIssuedAt
        self.lastRefreshAt = lastRefreshAt
        self.dueAt = dueAt
        self.credential = credential
    }
}

/// Why a stored credential cannot be used.
package enum SealedCredentialFault: Error, Sendable, Equatable {
    /// This replica's ring lacks the key: not the channel's fault.
    case unknownKey(kid: String)
    /// It does not open, or is not the version the fence row names: the channel is quarantined.
    case unreadable
}

/// The claims of one committed transaction.
package struct ClaimBatch: Sendable {
    package var claims: [Claim]
    /// Local time read before the statement was sent: the clock of send deadlines.
    package var sentAt: ContinuousClock.Instant
    /// The database's time at the claim: the clock of expiries.
    package var databaseTime: Date

    package init(claims: [Claim], sentAt: ContinuousClock.Instant, databaseTime: Date) {
        self.claims = claims
        self.sentAt = sentAt
        self.databaseTime = databaseTime
    }
}
