/// What is presented to get a new access token.
package enum CredentialKind: String, Sendable, CaseIterable {
    case refreshToken = "refresh_token"
    /// The access token itself is exchanged for a younger one.
    case accessToken = "access_token"
    /// Tokens of this provider are not refreshed.
    case none
}

/// How an entry's tokens are renewed; the fields are those of `policy` in a catalogue file.
package struct RefreshPolicy: Sendable, Equatable {
    /// Whether an answer brings a new refresh token.
    package enum Rotation: String, Sendable, CaseIterable { case never, may, always }

    /// What becomes of the presented token once a new one is out.
    package enum OldToken: Sendable, Equatable {
        case none
        case unknown
        case valid(Duration)
        case untilNextUse
        case forever
    }

    package enum Reuse: String, Sendable, CaseIterable {
        case error
        case familyRevoked = "family_revoked"
    }

    package enum Trigger: String, Sendable, CaseIterable {
        case schedule
        /// Only when a consumer or the inspection finds the token rejected.
        case rejected
    }

    /// Renew this long before the end; a quarter of the life at most (`RenewalTime`).
    package var refreshBefore: Duration = .seconds(600)
    package var minAge: Duration = .zero
    package var minInterval: Duration = .seconds(60)
    /// An expired token cannot be renewed: the clock alone ends the grant.
    package var onlyUnexpired = false
    package var rotation: Rotation = .may
    /// An answer without a new refresh token leaves the stored one in doubt.
    package var requireNewRefreshToken = false
    package var oldRefreshValid: OldToken = .none
    package var onReuse: Reuse = .error
    /// Renew at least this often.
    package var keepAlive: Duration?
    /// Verdicts in a row, 30 s apart, before a grant counts as dead; 1…10.
    package var deadConfirmations = 2
    /// Inspect after each renewal whether the end has moved.
    package var verifyExtended = false
    package var inspectEvery: Duration?
    package var refreshOn: Trigger = .schedule

    /// ``minInterval`` for a token of this whole life: half of a short one at most, so that none runs out for it.
    package func interval(life: Duration?) -> Duration {
        guard let life, life > .zero else { return minInterval }
        return min(minInterval, life / 2)
    }
}

/// How long tokens live when the answer does not say.
package struct Lifetime: Sendable, Equatable {
    package enum RefreshKind: String, Sendable, CaseIterable {
        /// Counts from the consent and is never extended.
        case fixed
        /// Counts from the last renewal.
        case sliding
        /// Ends when it is not used for ``Lifetime/refreshIdle``.
        case idle
        case unlimited
        /// The access token is the grant.
        case ownAccess = "self"
        case organization = "policy_of_org"
        case unknown
        case none
    }

    /// Nil: not known, or endless (``accessNeverExpires``).
    package var access: Duration?
    package var accessNeverExpires = false
    package var refresh: Duration?
    package var refreshKind: RefreshKind = .unknown
    package var refreshIdle: Duration?
    package var refreshMax: Duration?
}
