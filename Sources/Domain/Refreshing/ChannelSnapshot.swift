package import FoundationEssentials

/// A channel as a refresh on demand finds it, read without a claim; also what a dry run judges.
package struct ChannelSnapshot: Sendable {
    package var id: ChannelID
    package var tenantID: String
    package var provider: String
    package var appID: String
    package var status: ChannelStatus
    package var reason: WarningReason?
    package var isHeld: Bool
    package var dueAt: Date?
    package var attempt: Int64
    package var written: Int64
    package var doubt: Bool
    package var fails: Int
    package var denials: Int
    package var epoch: Int64
    package var accessIssuedAt: Date?
    package var accessExpiresAt: Date?
    package var lastRefreshAt: Date?
    package var databaseTime: Date

    package init(
        id: ChannelID, tenantID: String, provider: String, appID: String, status: ChannelStatus, reason: WarningReason?,
        isHeld: Bool, dueAt: Date?, attempt: Int64, written: Int64, doubt: Bool, fails: Int = 0, denials: Int = 0,
        epoch: Int64, accessIssuedAt: Date?, accessExpiresAt: Date?, lastRefreshAt: Date?, databaseTime: Date
    ) {
        self.id = id
        self.tenantID = tenantID
        self.provider = provider
        self.appID = appID
        self.status = status
        self.reason = reason
        self.isHeld = isHeld
        self.dueAt = dueAt
        self.attempt = attempt
        self.written = written
        self.doubt = doubt
        self.fails = fails
        self.denials = denials
        self.epoch = epoch
        self.accessIssuedAt = accessIssuedAt
        self.accessExpiresAt = accessExpiresAt
        self.lastRefreshAt = lastRefreshAt
        self.databaseTime = databaseTime
    }
}

/// What a caller asks of a refresh on demand.
package struct RefreshOptions: Sendable, Equatable {
    /// Ignore the window; never the age and interval limits, a pause or a budget.
    package var force: Bool
    /// Try a dead grant once more.
    package var retryDead: Bool
    /// Judge only; nobody is called.
    package var dryRun: Bool
    /// Seconds of life asked for (`minTtl`): renew when less is left.
    package var minTimeToLive: Duration?
    /// Who asks, for the audit.
    package var actor: String
    /// How long to wait for a row somebody else holds.
    package var patience: Duration

    package init(
        force: Bool = false, retryDead: Bool = false, dryRun: Bool = false, minTimeToLive: Duration? = nil,
        actor: String = "scheduler", patience: Duration = .seconds(35)
    ) {
        self.force = force
        self.retryDead = retryDead
        self.dryRun = dryRun
        self.minTimeToLive = minTimeToLive
        self.actor = actor
        self.patience = patience
    }
}

/// The end of one refresh on demand (DESIGN §3.5 "Refresh").
package struct RefreshReport: Sendable, Equatable {
    package var channelID: ChannelID
    package var outcome: Outcome
    /// Stable code.
    package var reason: String
    /// A sentence for people.
    package var message: String
    package var expiresAt: Date?
    package var nextRefreshAt: Date?
    package var providerRequestID: String?

    package init(
        channelID: ChannelID, outcome: Outcome, reason: String, message: String, expiresAt: Date? = nil,
        nextRefreshAt: Date? = nil, providerRequestID: String? = nil
    ) {
        self.channelID = channelID
        self.outcome = outcome
        self.reason = reason
        self.message = message
        self.expiresAt = expiresAt
        self.nextRefreshAt = nextRefreshAt
        self.providerRequestID = providerRequestID
    }
}

extension RefreshReport {
    /// How a batch counts a report.
    package enum Result: Sendable { case succeeded, skipped, failed }

    package var result: Result {
        switch outcome {
        case .renewed: .succeeded
        case .notDue, .paused, .superseded: .skipped
        case .reauthorizationRequired, .suspended, .appRejected, .requestRejected, .rateLimited, .transient,
            .unclassified, .unknownOutcome, .notExtended, .leaseLost:
            .failed
        }
    }
}

/// Refreshes channels at once, by the same path as the loop; implemented by the Refresher.
package protocol OnDemandRefreshing: Sendable {
    /// One report for each id, in order; an unknown id has none. Returns when all have ended; cancelling cuts nothing.
    ///
    /// - Throws: ``RefreshNotTaken`` when the loop starts or stops; errors of the store.
    func refresh(_ channels: [ChannelID], _ options: RefreshOptions) async throws -> [RefreshReport]
}

/// The loop takes no work now; another replica does, or this one a little later.
package protocol RefreshNotTaken: Error {}
