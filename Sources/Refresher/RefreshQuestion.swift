package import Domain
import FoundationEssentials
package import Providers

/// Whether a refresh on demand calls the provider at all; pure (DESIGN §3.1, PROTOCOL §7 last line).
package struct RefreshQuestion: Sendable {
    let options: RefreshOptions
    let entry: ProviderEntry?
    let replayClass: ReplayClass

    /// - Parameter replayClass: the one that counts for the channel's app; the entry's when nil.
    package init(options: RefreshOptions, entry: ProviderEntry?, replayClass: ReplayClass? = nil) {
        self.options = options
        self.entry = entry
        self.replayClass = replayClass ?? entry?.replayClass ?? .single
    }

    /// The report when nobody is to be called; nil when the channel is to be claimed.
    package func answer(_ channel: ChannelSnapshot, appState: AppState?) -> RefreshReport? {
        guard let entry else {
            return report(
                channel, .requestRejected, "provider_unknown",
                "The catalogue has no provider `\(channel.provider)`: add its entry to TOKENWARD_CATALOGUE.")
        }
        switch channel.status {
        case .paused: return report(channel, .paused, "paused", "The channel is paused; resume it first.")
        case .disconnected: return report(channel, .paused, "disconnected", "The channel is disconnected.")
        case .warning where channel.reason?.parks == true && !options.retryDead:
            return report(
                channel, channel.reason == .sealedUnreadable ? .unclassified : .reauthorizationRequired,
                channel.reason?.rawValue ?? "", "Only a new authorization helps this channel.")
        case .active, .warning: break
        }
        if let appState, appState != .degraded, appState != .ok, !options.force {
            return report(
                channel, .appRejected, "app_\(appState.rawValue)",
                "The provider refuses the app's own credentials; its channels wait.")
        }
        if let young = tooYoung(channel, entry) { return young }
        if let doubtful = inDoubt(channel) { return doubtful }
        if !isWanted(channel, entry) { return notDue(channel) }
        if options.dryRun {
            return report(channel, .renewed, "dry_run", "It would be refreshed now.")
        }
        return nil
    }

    private func isWanted(_ channel: ChannelSnapshot, _ entry: ProviderEntry) -> Bool {
        if options.force || options.retryDead { return true }
        let now = channel.databaseTime
        let life = channel.accessIssuedAt.flatMap { issued in
            channel.accessExpiresAt.map { Duration.seconds($0.timeIntervalSince(issued)) }
        }
        if let wanted = options.minTimeToLive {
            guard let expiry = channel.accessExpiresAt else { return false }
            return expiry.timeIntervalSince(now) < min(wanted, life.map { $0 / 2 } ?? wanted).seconds
        }
        return channel.dueAt.map { $0 <= now } ?? false
            || entry.renewalTime.needsRefresh(now: now, expiresAt: channel.accessExpiresAt, life: life)
    }

    /// A token younger than the provider's limits is served, not renewed; `force` does not change that.
    private func tooYoung(_ channel: ChannelSnapshot, _ entry: ProviderEntry) -> RefreshReport? {
        let now = channel.databaseTime
        let byAge = channel.accessIssuedAt.map { $0.addingTimeInterval(entry.policy.minAge.seconds) }
        let life = channel.accessIssuedAt.flatMap { issued in
            channel.accessExpiresAt.map { Duration.seconds($0.timeIntervalSince(issued)) }
        }
        let interval = entry.policy.interval(life: life)
        let byInterval = channel.lastRefreshAt.map { $0.addingTimeInterval(interval.seconds) }
        guard let earliest = [byAge, byInterval].compactMap({ $0 }).max(), earliest > now else { return nil }
        var report = report(
            channel, .notDue, "too_young", "The token is younger than \(entry.name) allows for a refresh.")
        report.nextRefreshAt = max(earliest, channel.dueAt ?? earliest)
        return report
    }

    /// A token that may be spent is presented again no sooner than its class allows, whoever asks (PROTOCOL §6).
    private func inDoubt(_ channel: ChannelSnapshot) -> RefreshReport? {
        guard channel.doubt, !channel.isHeld, channel.dueAt.map({ $0 > channel.databaseTime }) ?? true else {
            return nil
        }
        let earliest = ReplayRule.earliest(
            replayClass, claimedAt: ReplayRule.claimedAt(attempt: channel.attempt),
            accessExpiresAt: channel.accessExpiresAt)
        guard earliest > channel.databaseTime else { return nil }
        var report = report(
            channel, .notDue, "doubt",
            "The answer to the last refresh was lost, and its token may be spent: it is tried again at the right time.")
        report.nextRefreshAt = channel.dueAt.map { min($0, earliest) } ?? earliest
        return report
    }

    private func notDue(_ channel: ChannelSnapshot) -> RefreshReport {
        let left = channel.accessExpiresAt.map { $0.timeIntervalSince(channel.databaseTime) / 3600 }
        let tenths = left.map { ($0 * 10).rounded(.down) / 10 }
        let endless = channel.dueAt == nil ? "It does not expire." : "Its end is not known, and its next try is set."
        return report(channel, .notDue, "not_due", tenths.map { "\($0) h left" } ?? endless)
    }

    private func report(
        _ channel: ChannelSnapshot, _ outcome: Outcome, _ reason: String, _ message: String
    ) -> RefreshReport {
        RefreshReport(
            channelID: channel.id, outcome: outcome, reason: reason, message: message,
            expiresAt: channel.accessExpiresAt, nextRefreshAt: channel.dueAt)
    }
}
