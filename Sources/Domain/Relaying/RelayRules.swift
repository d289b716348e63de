package import FoundationEssentials

/// How events become incidents and messages; pure.
package struct RelayRules: Sendable {
    /// How long the first message of a group waits for others of its kind.
    package var groupWait: Duration
    /// How long a failing refresh is nobody's business, unless the token nears its end.
    package var failingWait: Duration
    /// `policy.refresh_before` of a provider's entry; nil for an unknown provider.
    package var refreshBefore: @Sendable (_ provider: String) -> Duration?

    package init(
        groupWait: Duration = .seconds(30), failingWait: Duration = .seconds(3600),
        refreshBefore: @escaping @Sendable (_ provider: String) -> Duration? = { _ in nil }
    ) {
        self.groupWait = groupWait
        self.failingWait = failingWait
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

    /// The destinations that are told: all that match, else those marked default.
    ///
    /// A tenant's destination is told of that tenant only.
    package static func route<Candidate>(
        tenantID: String?, provider: String?, type: MessageType, severity: Severity, among candidates: [Candidate],
        _ facts: (Candidate) -> (tenantID: String?, isDefault: Bool, match: DestinationMatch)
    ) -> [Candidate] {
        let allowed = candidates.filter { candidate in
            let owner = facts(candidate).tenantID
            return owner == nil || owner == tenantID
        }
        let matching = allowed.filter { candidate in
            let (_, isDefault, match) = facts(candidate)
            return !(isDefault && match.isEmpty)
                && match.accepts(tenantID: tenantID, provider: provider, type: type, severity: severity)
        }
        return matching.isEmpty ? allowed.filter { facts($0).isDefault } : matching
    }
}
