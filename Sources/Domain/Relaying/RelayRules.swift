package import FoundationEssentials

/// How events become incidents and messages; pure.
package struct RelayRules: Sendable {
    /// How long the first message of a group waits for others of its kind.
    package var groupWait: Duration
    /// How long a failing refresh is nobody's business, unless the token nears its end.
    package var failingWait: Duration
    /// How long between reminders of what nobody acknowledged.
    package var remindEvery: Duration
    /// `policy.refresh_before` of a provider's entry; nil for an unknown provider.
    package var refreshBefore: @Sendable (_ provider: String) -> Duration?
    /// What moves the end of a provider's grants; a provider that is not named is not warned of.
    package var deadlines: [String: DeadlineRule]

    /// What moves the end of a grant.
    package enum DeadlineRule: Sendable, Equatable {
        /// Only a human: it counts from the consent.
        case human
        /// Every renewal.
        case renewal
        /// The end is the access token's own, which a renewal moves, or an earlier one that none moves.
        case accessToken
    }

    package init(
        groupWait: Duration = .seconds(30), failingWait: Duration = .seconds(3600),
        remindEvery: Duration = .seconds(86400), deadlines: [String: DeadlineRule] = [:],
        refreshBefore: @escaping @Sendable (_ provider: String) -> Duration? = { _ in nil }
    ) {
        self.groupWait = groupWait
        self.failingWait = failingWait
        self.remindEvery = remindEvery
        self.deadlines = deadlines
        self.refreshBefore = refreshBefore
    }

    package static func severity(of cause: IncidentCause) -> Severity {
        switch cause.kind {
        case .app: .critical
        case .provider: .warning
        case .platform: .critical
        case .channel:
            switch WarningReason(rawValue: cause.reason) {
            case .refreshFailing, .notExtended: .warning
            case nil where cause.reason == IncidentCause.expiring: .warning
            case .reauthorizationRequired, .suspended, .scopeMissing, .sealedUnreadable, nil: .critical
            }
        }
    }

    /// When an incident may first be told.
    ///
    /// `refresh_failing` is told when less than a quarter of the margin is left, or after ``failingWait``: most of
    /// these end by themselves. Everything else is told after the group wait.
    package func tellAt(
        _ cause: IncidentCause, provider: String?, at: Date, now: Date, accessIssuedAt: Date?, accessExpiresAt: Date?
    ) -> Date {
        let soonest = now.addingTimeInterval(groupWait.seconds)
        guard cause.kind == .channel, cause.reason == WarningReason.refreshFailing.rawValue else { return soonest }
        var tell = at.addingTimeInterval(failingWait.seconds)
        if let accessExpiresAt, let refreshBefore = provider.flatMap(refreshBefore) {
            let life = accessIssuedAt.map { Duration.seconds(accessExpiresAt.timeIntervalSince($0)) }
            let margin = RenewalTime(refreshBefore: refreshBefore).margin(life: life)
            tell = min(tell, accessExpiresAt.addingTimeInterval(-margin.seconds / 4))
        }
        return max(tell, soonest)
    }

    /// When the channel stops working for its users, or can no longer be mended by itself.
    package static func deadline(reason: String, accessExpiresAt: Date?, humanDeadlineAt: Date?) -> Date? {
        WarningReason(rawValue: reason) == .reauthorizationRequired
            ? accessExpiresAt ?? humanDeadlineAt
            : humanDeadlineAt ?? accessExpiresAt
    }
}
