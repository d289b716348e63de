package import FoundationEssentials

/// A channel as people and applications see it (DESIGN §3.5); holds no secret.
package struct Channel: Sendable, Equatable {
    package var id: ChannelID
    package var tenantID: String
    package var userID: String?
    package var provider: String
    package var displayName: String?
    package var localName: String?
    package var externalID: String?
    package var parameters: [String: String]
    /// The platform's own JSON object, as text.
    package var meta: String
    package var scopes: [String]
    package var status: ChannelStatus
    package var warning: Warning?
    package var hasRefreshToken: Bool
    package var accessIssuedAt: Date?
    package var accessExpiresAt: Date?
    package var refreshExpiresAt: Date?
    package var lastRefreshAt: Date?
    package var nextRefreshAt: Date?
    package var humanDeadline: Date?
    package var consecutiveFailures: Int
    package var lastOutcome: String?
    package var lastError: String?
    package var epoch: Int64
    package var createdAt: Date
    package var updatedAt: Date

    /// What is wrong now.
    package struct Warning: Sendable, Equatable {
        package var reason: WarningReason
        package var code: String?
        package var message: String?
        package var since: Date?

        package init(reason: WarningReason, code: String?, message: String?, since: Date?) {
            self.reason = reason
            self.code = code
            self.message = message
            self.since = since
        }
    }

    package init(
        id: ChannelID, tenantID: String, userID: String?, provider: String, displayName: String?, localName: String?,
        externalID: String?, parameters: [String: String], meta: String, scopes: [String], status: ChannelStatus,
        warning: Warning?, hasRefreshToken: Bool, accessIssuedAt: Date?, accessExpiresAt: Date?,
        refreshExpiresAt: Date?, lastRefreshAt: Date?, nextRefreshAt: Date?, humanDeadline: Date?,
        consecutiveFailures: Int, lastOutcome: String?, lastError: String?, epoch: Int64, createdAt: Date,
        updatedAt: Date
    ) {
        self.id = id
        self.tenantID = tenantID
        self.userID = userID
        self.provider = provider
        self.displayName = displayName
        self.localName = localName
        self.externalID = externalID
        self.parameters = parameters
        self.meta = meta
        self.scopes = scopes
        self.status = status
        self.warning = warning
        self.hasRefreshToken = hasRefreshToken
        self.accessIssuedAt = accessIssuedAt
        self.accessExpiresAt = accessExpiresAt
        self.refreshExpiresAt = refreshExpiresAt
        self.lastRefreshAt = lastRefreshAt
        self.nextRefreshAt = nextRefreshAt
        self.humanDeadline = humanDeadline
        self.consecutiveFailures = consecutiveFailures
        self.lastOutcome = lastOutcome
        self.lastError = lastError
        self.epoch = epoch
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}
