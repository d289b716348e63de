package import FoundationEssentials

/// A change that somebody made; holds no secret.
package struct AuditChange: Sendable, Equatable {
    /// A stable word: `channel.created`, `api_token.revoked`.
    package var action: String
    /// Whose it is; nil: the installation's.
    package var tenantID: String?
    /// The id of what was changed.
    package var subject: String
    /// A sentence or a few words; nil when the action says it all.
    package var detail: String?

    package init(action: String, tenantID: String?, subject: String, detail: String? = nil) {
        self.action = action
        self.tenantID = tenantID
        self.subject = subject
        self.detail = detail
    }
}

/// A row of the audit log.
package struct AuditEntry: Sendable, Equatable {
    package var id: Int64
    package var at: Date
    package var actor: AuditActor
    package var change: AuditChange

    package init(id: Int64, at: Date, actor: AuditActor, change: AuditChange) {
        self.id = id
        self.at = at
        self.actor = actor
        self.change = change
    }
}

/// From `since` on and before `until`; nil leaves an end open.
package struct TimeWindow: Sendable, Equatable {
    package var since: Date?
    package var until: Date?

    package init(since: Date? = nil, until: Date? = nil) {
        self.since = since
        self.until = until
    }
}

/// Which rows of the audit log are asked for; nil matches all.
package struct AuditQuery: Sendable, Equatable {
    package var tenantID: String?
    package var actor: String?
    package var action: String?
    package var subject: String?
    package var window: TimeWindow
    /// The last id of the page before.
    package var before: Int64?
    /// At most 501.
    package var limit: Int

    package init(
        tenantID: String? = nil, actor: String? = nil, action: String? = nil, subject: String? = nil,
        window: TimeWindow = TimeWindow(), before: Int64? = nil, limit: Int = 100
    ) {
        self.tenantID = tenantID
        self.actor = actor
        self.action = action
        self.subject = subject
        self.window = window
        self.before = before
        self.limit = limit
    }
}

/// What people and applications changed; what the machine does to a channel is its history.
package protocol AuditLog: Sendable {
    /// For changes that are not a transaction of the store themselves.
    func record(_ change: AuditChange, by actor: AuditActor) async throws
    /// Newest first.
    func auditEntries(_ query: AuditQuery) async throws -> [AuditEntry]
}
