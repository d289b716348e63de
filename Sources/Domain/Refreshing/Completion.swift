package import FoundationEssentials

/// A renewed pair on its way into the database (PROTOCOL §4 Q3).
package struct StoredSuccess: Sendable {
    package var key: ClaimKey
    package var tenantID: String
    package var provider: String
    package var grantID: Int64
    package var credential: Credential
    package var accessIssuedAt: Date
    package var accessExpiresAt: Date?
    package var refreshExpiresAt: Date?
    package var humanDeadlineAt: Date?
    /// The answer says nothing of the refresh token's end, and what is stored stays true.
    package var keepsRefreshExpiry: Bool
    /// When the machine acts next; nil parks the channel (it never expires).
    package var dueAt: Date?
    /// A required new refresh token was missing: the stored one may be spent.
    package var doubt: Bool
    package var outcome: Outcome
    package var actor: String

    package init(
        key: ClaimKey, tenantID: String, provider: String, grantID: Int64, credential: Credential, accessIssuedAt: Date,
        accessExpiresAt: Date?, refreshExpiresAt: Date?, humanDeadlineAt: Date?, keepsRefreshExpiry: Bool = false,
        dueAt: Date?,
        doubt: Bool = false,
        outcome: Outcome = .renewed, actor: String = "scheduler"
    ) {
        self.key = key
        self.tenantID = tenantID
        self.provider = provider
        self.grantID = grantID
        self.credential = credential
        self.accessIssuedAt = accessIssuedAt
        self.accessExpiresAt = accessExpiresAt
        self.refreshExpiresAt = refreshExpiresAt
        self.humanDeadlineAt = humanDeadlineAt
        self.keepsRefreshExpiry = keepsRefreshExpiry
        self.dueAt = dueAt
        self.doubt = doubt
        self.outcome = outcome
        self.actor = actor
    }
}

/// The end of an attempt that brought no credential (PROTOCOL §4 Q4).
package struct StoredFailure: Sendable {
    package var key: ClaimKey
    package var base: Int64
    package var outcome: Outcome
    /// The rule's stable reason, or ours; never provider text.
    package var code: String
    /// What a person reads; at most 300 characters, no secret.
    package var message: String
    /// nil parks the channel.
    package var dueAt: Date?
    package var doubt: Bool
    package var fails: Int
    package var denials: Int
    /// The warning this end sets; nil leaves status and reason as they are.
    package var warning: WarningReason?
    package var providerRequestID: String?
    package var actor: String

    package init(
        key: ClaimKey, base: Int64, outcome: Outcome, code: String, message: String, dueAt: Date?, doubt: Bool,
        fails: Int, denials: Int, warning: WarningReason?, providerRequestID: String? = nil, actor: String = "scheduler"
    ) {
        self.key = key
        self.base = base
        self.outcome = outcome
        self.code = code
        self.message = message
        self.dueAt = dueAt
        self.doubt = doubt
        self.fails = fails
        self.denials = denials
        self.warning = warning
        self.providerRequestID = providerRequestID
        self.actor = actor
    }
}

/// What a provider said of the stored access token when it was asked; tokens and epoch stay as they are.
///
/// The fence is that of a failure: the newest claim, and nothing written since it read.
package struct StoredInspection: Sendable {
    package var key: ClaimKey
    package var base: Int64
    /// Nil: the token has no end.
    package var accessExpiresAt: Date?
    package var humanDeadlineAt: Date?
    /// When the machine acts next; nil parks the channel.
    package var dueAt: Date?
    package var actor: String

    package init(
        key: ClaimKey, base: Int64, accessExpiresAt: Date?, humanDeadlineAt: Date?, dueAt: Date?,
        actor: String = "scheduler"
    ) {
        self.key = key
        self.base = base
        self.accessExpiresAt = accessExpiresAt
        self.humanDeadlineAt = humanDeadlineAt
        self.dueAt = dueAt
        self.actor = actor
    }
}

/// What became of one completion.
package enum CompletionResult: Sendable, Equatable {
    case stored
    /// Another attempt, a new grant or a disconnect was first.
    case superseded
    /// The row itself is refused by the database; the entry is quarantined.
    case refused(String)
}
