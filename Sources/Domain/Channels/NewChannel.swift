package import FoundationEssentials

/// A channel on its way in: created by hand, by the API, or imported.
package struct NewChannel: Sendable {
    package var id: ChannelID
    package var tenantID: String
    package var userID: String?
    package var provider: String
    package var appID: String
    package var displayName: String?
    package var localName: String?
    package var externalID: String?
    /// `active` or `paused`.
    package var status: ChannelStatus
    /// A JSON object as text.
    package var meta: String
    package var grant: NewGrant

    package init(
        id: ChannelID, tenantID: String, userID: String?, provider: String, appID: String, displayName: String?,
        localName: String?, externalID: String?, status: ChannelStatus, meta: String, grant: NewGrant
    ) {
        self.id = id
        self.tenantID = tenantID
        self.userID = userID
        self.provider = provider
        self.appID = appID
        self.displayName = displayName
        self.localName = localName
        self.externalID = externalID
        self.status = status
        self.meta = meta
        self.grant = grant
    }
}

/// Tokens that replace whatever a channel had: an import, a paste, an authorization (PROTOCOL §1 "new grant").
package struct NewGrant: Sendable {
    package var credential: Credential
    /// When the access token was issued; the time of the import when unknown.
    package var accessIssuedAt: Date?
    package var accessExpiresAt: Date?
    package var refreshExpiresAt: Date?
    package var humanDeadlineAt: Date?
    /// When the machine acts next; nil parks.
    package var dueAt: Date?

    package init(
        credential: Credential, accessIssuedAt: Date?, accessExpiresAt: Date?, refreshExpiresAt: Date?,
        humanDeadlineAt: Date?, dueAt: Date?
    ) {
        self.credential = credential
        self.accessIssuedAt = accessIssuedAt
        self.accessExpiresAt = accessExpiresAt
        self.refreshExpiresAt = refreshExpiresAt
        self.humanDeadlineAt = humanDeadlineAt
        self.dueAt = dueAt
    }
}

/// Which channels a list shows; nil matches all.
package struct ChannelFilter: Sendable, Equatable {
    package var tenantID: String?
    package var userID: String?
    package var provider: String?
    package var status: ChannelStatus?
    /// Access token ends within this time.
    package var expiringWithin: Duration?
    /// Part of id, display name, local name or external id, in any case.
    package var query: String?

    package init(
        tenantID: String? = nil, userID: String? = nil, provider: String? = nil, status: ChannelStatus? = nil,
        expiringWithin: Duration? = nil, query: String? = nil
    ) {
        self.tenantID = tenantID
        self.userID = userID
        self.provider = provider
        self.status = status
        self.expiringWithin = expiringWithin
        self.query = query
    }
}
