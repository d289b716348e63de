import Domain
import FoundationEssentials
import Providers

/// Tokens whose end nobody knows: the provider is asked where it can be, else they are renewed (DESIGN §4 "Due").
extension Attempt {
    /// The end of the attempt when the provider says that the token is well; nil: it is to be renewed.
    func inspected(_ credential: Credential, as app: App) async -> FinishedAttempt? {
        guard isScheduled, claim.accessExpiresAt == nil, !claim.isParked, claim.denials == 0, !claim.doubt,
            entry.canInspect, !entry.lifetime.accessNeverExpires, credential.accessToken?.isEmpty == false,
            entry.renewalTime.keepAlive == nil || claim.lastRefreshAt == nil
        else { return nil }
        switch await Inquiry(attempt: self, credential: credential, app: app).run() {
        case .report(let inspection) where inspection.isAlive == true: return judge(inspection)
        // A hint, not a verdict: the refresh itself tells.
        case .report: return nil
        case .refused(let failure): return failed(.answer(failure))
        case .none: return tooYoung
        }
    }

    private func judge(_ inspection: Inspection) -> FinishedAttempt? {
        let now = now
        var stored = StoredInspection(
            key: claim.key, base: claim.base, accessExpiresAt: inspection.accessExpiresAt, humanDeadlineAt: nil,
            dueAt: nil, actor: actor)
        if let end = inspection.accessExpiresAt, !inspection.neverExpires {
            let left = Duration.seconds(end.timeIntervalSince(now))
            guard !entry.exchangesAtOnce(left: left) else { return tooYoung }
            let issued = claim.accessIssuedAt ?? now
            let life = claim.accessIssuedAt.map { Duration.seconds(end.timeIntervalSince($0)) }
            stored.dueAt = entry.renewalTime.dueAt(
                channel: claim.channelID, issuedAt: issued, expiresAt: end, life: life ?? entry.lifetime.access)
            guard let due = stored.dueAt, due > now else { return tooYoung }
        } else if inspection.neverExpires {
            stored.dueAt = entry.policy.inspectEvery.map { now.addingTimeInterval($0.seconds) }
        } else {
            return tooYoung
        }
        if entry.credential == .accessToken { stored.humanDeadlineAt = stored.accessExpiresAt }
        stored.humanDeadlineAt = [
            stored.humanDeadlineAt ?? claim.refreshExpiresAt, inspection.dataAccessExpiresAt,
        ].compactMap(\.self).min()
        var attempt = finished(.inspection(stored))
        attempt.contact = .answered
        return attempt
    }

    /// The claim is given back when the provider would not renew so soon after the last time; nil: it may be renewed.
    private var tooYoung: FinishedAttempt? {
        guard let last = claim.lastRefreshAt else { return nil }
        let earliest = last.addingTimeInterval(max(entry.policy.minAge, entry.policy.minInterval).seconds)
        guard earliest > now else { return nil }
        return released(
            after: ProviderEntry.inspectionPause, code: "inspection_open",
            message: "The token's end is not known yet; \(entry.name) is asked again.")
    }

    /// A token that was never renewed and lives for hours is short-lived: its first exchange is another request.
    ///
    /// Every other failure tries the ordinary one: the stored times may be wrong.
    var wantsUpgrade: Bool {
        guard claim.lastRefreshAt == nil, claim.fails.isMultiple(of: 2), let issued = claim.accessIssuedAt,
            let end = claim.accessExpiresAt
        else { return false }
        return entry.exchangesAtOnce(left: .seconds(end.timeIntervalSince(issued)))
    }
}
