/// What a consent is for: a channel of its own, or one that is there (PROTOCOL §8).
package struct AuthorizationTarget: Sendable, Equatable {
    package var channelID: ChannelID
    package var tenantID: String
    package var userID: String?
    package var provider: String
    package var appID: String
    package var displayName: String?
    /// The grant that is replaced; nil connects a new channel under ``channelID``.
    package var grantID: Int64?
    /// Whoever opened the link, or signed in, for the audit.
    package var actor: String
    /// A superadmin or the tenant's admin signed in: identity need not be proven.
    package var isSignedIn: Bool

    package init(
        channelID: ChannelID, tenantID: String, userID: String?, provider: String, appID: String,
        displayName: String?, grantID: Int64?, actor: String, isSignedIn: Bool
    ) {
        self.channelID = channelID
        self.tenantID = tenantID
        self.userID = userID
        self.provider = provider
        self.appID = appID
        self.displayName = displayName
        self.grantID = grantID
        self.actor = actor
        self.isSignedIn = isSignedIn
    }

    package var isConnection: Bool { grantID == nil }
}

/// The redemption of one authorization code: written before the code is sent, ended once.
package struct Authorization: Sendable, Equatable {
    package enum State: String, Sendable {
        /// The code may have been sent.
        case redeeming
        /// The provider's answer is kept, sealed.
        case exchanged
        /// It is the channel's grant.
        case stored
        /// Nothing of a channel was changed.
        case refused
    }

    package var id: Int64
    package var target: AuthorizationTarget
    package var state: State
    /// Of a refusal: its stable code.
    package var reason: String?

    package init(id: Int64, target: AuthorizationTarget, state: State, reason: String? = nil) {
        self.id = id
        self.target = target
        self.state = state
        self.reason = reason
    }
}

/// A kept answer and what it is for.
package struct ExchangedAuthorization: Sendable {
    package var authorization: Authorization
    package var answer: JournalAnswer
    /// SHA-256 of the nonce that the provider's identity token must carry; nil when none was sent.
    package var nonceDigest: [UInt8]?

    package init(authorization: Authorization, answer: JournalAnswer, nonceDigest: [UInt8]?) {
        self.authorization = authorization
        self.answer = answer
        self.nonceDigest = nonceDigest
    }
}

/// A checked grant on its way into the channel.
package struct AuthorizedGrant: Sendable {
    package var grant: NewGrant
    /// The account's id at the provider, where it is proven.
    package var accountID: String?

    package init(grant: NewGrant, accountID: String?) {
        self.grant = grant
        self.accountID = accountID
    }
}

/// Why an authorization changes nothing; the raw value is stored and names the page.
package enum AuthorizationRefusal: String, Error, Sendable, CaseIterable {
    /// The provider refuses the code.
    case codeRefused = "code_refused"
    /// The provider refuses the app's own credentials.
    case appRejected = "app_rejected"
    /// The answer was lost, or holds no token.
    case noAnswer = "no_answer"
    case wrongAccount = "wrong_account"
    case accountUnproven = "account_unproven"
    /// The account is connected as another channel of the app.
    case accountElsewhere = "account_elsewhere"
    case scopeMissing = "scope_missing"
    case refreshTokenMissing = "refresh_token_missing"
    /// The same token is another channel's.
    case tokenKnown = "token_known"
    /// The channel got another grant, or was removed, since the button was pressed.
    case supersededMeanwhile = "superseded_meanwhile"
    /// The identity token is not for this sign-in.
    case identityForged = "identity_forged"
    /// Kept for a day and still not to be finished.
    case abandoned
}
