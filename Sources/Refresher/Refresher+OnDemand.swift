package import Domain
import FoundationEssentials
import Providers

/// Refreshes that somebody asked for: the same path as the loop, claimed by id (PROTOCOL §3.8).
extension Refresher: OnDemandRefreshing {
    package func refresh(_ channels: [ChannelID], _ options: RefreshOptions) async throws -> [RefreshReport] {
        try await refresh(channels, options, isProbe: false)
    }

    func refresh(_ channels: [ChannelID], _ options: RefreshOptions, isProbe: Bool) async throws -> [RefreshReport] {
        var reports: [ChannelID: RefreshReport] = [:]
        var start = 0
        while start < channels.count {
            let part = Array(channels[start..<min(start + configuration.concurrencyPerProvider, channels.count)])
            for report in try await refreshPart(part, options, isProbe: isProbe) { reports[report.channelID] = report }
            start += part.count
        }
        return channels.compactMap { reports[$0] }
    }

    private func refreshPart(
        _ channels: [ChannelID], _ options: RefreshOptions, isProbe: Bool
    ) async throws -> [RefreshReport] {
        let snapshots = try await ports.store.snapshots(of: channels)
        var reports: [RefreshReport] = []
        var wanted: [ChannelID: ChannelSnapshot] = [:]
        for snapshot in snapshots {
            if let report = RefreshQuestion(options: options, entry: ports.catalogue[snapshot.provider]).answer(
                snapshot, appState: isProbe ? nil : board.standing(of: snapshot.appID)?.state)
            {
                reports.append(report)
            } else {
                wanted[snapshot.id] = snapshot
            }
        }
        guard !wanted.isEmpty else { return reports }
        return reports + (try await claimAndWait(for: wanted, options))
    }

    private func claimAndWait(
        for wanted: [ChannelID: ChannelSnapshot], _ options: RefreshOptions
    ) async throws -> [RefreshReport] {
        let providers = Set(wanted.values.map(\.provider))
        let leases = Dictionary(
            uniqueKeysWithValues: providers.compactMap { name in
                ports.catalogue[name].map { (name, $0.replayClass.lease(margin: $0.policy.refreshBefore)) }
            })
        let batch = try await gate.watching {
            try await ports.store.claim(channels: wanted.keys.sorted(), leases: leases)
        }
        var reports: [RefreshReport] = []
        var started: [(claim: Claim, entry: ProviderEntry)] = []
        for claim in batch.claims {
            guard let snapshot = wanted[claim.channelID], let entry = ports.catalogue[claim.provider] else { continue }
            if claim.base != snapshot.written {
                // Somebody renewed it between the look and the claim: that is what the caller wanted.
                try await ports.store.release([(claim.key, claim.dueAt)])
                reports.append(Self.renewedElsewhere(claim.channelID, expiresAt: claim.accessExpiresAt))
                continue
            }
            started.append((claim, entry))
        }
        let claimed = Set(batch.claims.map(\.channelID))
        let others = wanted.values.filter { !claimed.contains($0.id) }
        return try await withThrowingTaskGroup(of: RefreshReport.self) { group in
            for (claim, entry) in started {
                let single = ClaimBatch(claims: [claim], sentAt: batch.sentAt, databaseTime: batch.databaseTime)
                group.addTask {
                    await withCheckedContinuation { waiter in
                        self.begin(single, entry: entry, actor: options.actor, waiter: waiter)
                    }
                }
            }
            for snapshot in others { group.addTask { try await self.waitForHolder(of: snapshot, options) } }
            for try await report in group { reports.append(report) }
            return reports
        }
    }

    /// Waits for the end of a row that somebody else holds; never longer than the caller's patience.
    private func waitForHolder(of snapshot: ChannelSnapshot, _ options: RefreshOptions) async throws -> RefreshReport {
        if let report = await inFlight.join(snapshot.id), report.reason != "ended" { return report }
        let deadline = clock.now + options.patience
        var pause: Duration = .milliseconds(50)
        while true {
            guard let now = try await ports.store.snapshots(of: [snapshot.id]).first else { break }
            if now.written != snapshot.written {
                return Self.renewedElsewhere(now.id, expiresAt: now.accessExpiresAt, nextRefreshAt: now.dueAt)
            }
            if !now.isHeld {
                return RefreshReport(
                    channelID: now.id, outcome: .leaseLost, reason: "ended_elsewhere",
                    message: "Another replica tried meanwhile and did not renew it.", expiresAt: now.accessExpiresAt,
                    nextRefreshAt: now.dueAt)
            }
            guard clock.now + pause < deadline else { break }
            try await clock.sleep(for: pause)
            pause = min(pause * 2, .seconds(1))
        }
        return RefreshReport(
            channelID: snapshot.id, outcome: .leaseLost, reason: "held",
            message: "Another refresh of the channel is still running.", expiresAt: snapshot.accessExpiresAt)
    }

    private static func renewedElsewhere(
        _ channel: ChannelID, expiresAt: Date?, nextRefreshAt: Date? = nil
    ) -> RefreshReport {
        RefreshReport(
            channelID: channel, outcome: .renewed, reason: Outcome.renewed.rawValue,
            message: "The tokens were renewed by another refresh.", expiresAt: expiresAt, nextRefreshAt: nextRefreshAt)
    }
}
