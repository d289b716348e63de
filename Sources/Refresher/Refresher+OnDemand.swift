package import Domain
import FoundationEssentials
import Providers

/// Refreshes that somebody asked for: the same path as the loop, claimed by id (PROTOCOL §3.8).
///
/// Who asks waits no longer than it has patience; what it asked for goes on without it.
extension Refresher: OnDemandRefreshing {
    private static let pauseMin: Duration = .milliseconds(50)
    private static let pauseMax: Duration = .seconds(1)

    package func refresh(_ channels: [ChannelID], _ options: RefreshOptions) async throws -> [RefreshReport] {
        try await refresh(channels, options, isProbe: false)
    }

    func refresh(_ channels: [ChannelID], _ options: RefreshOptions, isProbe: Bool) async throws -> [RefreshReport] {
        if !options.dryRun {
            guard !gate.isStopped else { throw RefresherError.stopping }
            guard await ready.value(within: options.patience, clock: clock) != nil else {
                throw RefresherError.starting
            }
        }
        var reports: [ChannelID: RefreshReport] = [:]
        var seen: Set<ChannelID> = []
        let unique = channels.filter { seen.insert($0).inserted }
        var start = 0
        while start < unique.count {
            let part = Array(unique[start..<min(start + max(configuration.concurrencyPerProvider, 1), unique.count)])
            for report in try await refreshPart(part, options, isProbe: isProbe) { reports[report.channelID] = report }
            start += part.count
        }
        return channels.compactMap { reports[$0] }
    }

    private func refreshPart(
        _ channels: [ChannelID], _ options: RefreshOptions, isProbe: Bool
    ) async throws -> [RefreshReport] {
        let deadline = clock.now + options.patience
        var running: [(channel: ChannelID, ticket: InFlight.Ticket)] = []
        var others: [ChannelID] = []
        for channel in channels {
            if !options.dryRun, let ticket = inFlight.ticket(of: channel) {
                running.append((channel, ticket))
            } else {
                others.append(channel)
            }
        }
        return try await withThrowingTaskGroup(of: RefreshReport.self) { group in
            for (channel, ticket) in running {
                group.addTask { await self.report(of: ticket, channel: channel, until: deadline) }
            }
            var reports: [RefreshReport] = []
            if !others.isEmpty {
                var wanted: [ChannelSnapshot] = []
                for snapshot in try await ports.store.snapshots(of: others) {
                    if let report = answer(snapshot, options, isProbe: isProbe) {
                        reports.append(report)
                    } else {
                        wanted.append(snapshot)
                    }
                }
                reports += try await claim(wanted, options, until: deadline, waitingIn: &group)
            }
            for try await report in group { reports.append(report) }
            return reports
        }
    }

    /// The report when nobody is to be called.
    private func answer(_ snapshot: ChannelSnapshot, _ options: RefreshOptions, isProbe: Bool) -> RefreshReport? {
        let entry = ports.catalogue[snapshot.provider]
        let question = RefreshQuestion(
            options: options, entry: entry,
            replayClass: entry.map { classes.of($0, appID: snapshot.appID) })
        if let report = question.answer(snapshot, appState: isProbe ? nil : board.standing(of: snapshot.appID)?.state) {
            return report
        }
        guard !options.dryRun, let left = pacing.limit(of: snapshot.provider) else { return nil }
        return RefreshReport(
            channelID: snapshot.id, outcome: .rateLimited, reason: "provider_paused",
            message: "\(snapshot.provider) asked for fewer requests; it is left alone for a while.",
            expiresAt: snapshot.accessExpiresAt, nextRefreshAt: snapshot.databaseTime.addingTimeInterval(left.seconds))
    }

    /// Claims channels as slots get free; those begun or held elsewhere are waited for in `group`.
    private func claim(
        _ wanted: [ChannelSnapshot], _ options: RefreshOptions, until deadline: ContinuousClock.Instant,
        waitingIn group: inout ThrowingTaskGroup<RefreshReport, any Error>
    ) async throws -> [RefreshReport] {
        var reports: [RefreshReport] = []
        var left = wanted
        var pause = Self.pauseMin
        while !left.isEmpty {
            var granted: [ChannelSnapshot] = []
            var waiting: [ChannelSnapshot] = []
            for snapshot in left {
                if slots.takeOnDemand(by: snapshot.provider) {
                    granted.append(snapshot)
                } else {
                    waiting.append(snapshot)
                }
            }
            left = waiting
            if !granted.isEmpty {
                reports += try await claimGranted(granted, options, until: deadline, waitingIn: &group)
                pause = Self.pauseMin
                continue
            }
            guard clock.now + pause < deadline, !gate.isStopped else {
                reports += left.map { snapshot in
                    Self.stillRunning(
                        snapshot.id, reason: "busy", "Too many refreshes of \(snapshot.provider) run now.",
                        expiresAt: snapshot.accessExpiresAt)
                }
                break
            }
            try await clock.sleep(for: pause)
            pause = min(pause * 2, Self.pauseMax)
        }
        return reports
    }

    private func claimGranted(
        _ granted: [ChannelSnapshot], _ options: RefreshOptions, until deadline: ContinuousClock.Instant,
        waitingIn group: inout ThrowingTaskGroup<RefreshReport, any Error>
    ) async throws -> [RefreshReport] {
        let byID = Dictionary(granted.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        let entries = Set(granted.map(\.provider)).compactMap { ports.catalogue[$0] }
        let leases = Dictionary(entries.map { ($0.name, lease(of: $0)) }, uniquingKeysWith: { first, _ in first })
        let batch: ClaimBatch
        do {
            batch = try await gate.watching {
                try await ports.store.claim(channels: byID.keys.sorted(), leases: leases)
            }
        } catch {
            for snapshot in granted where slots.give(for: snapshot.provider) { wake.send() }
            throw error
        }
        var reports: [RefreshReport] = []
        var needless: [Claim] = []
        let times = ClaimTimes(batch, heardAt: clock.now)
        if !batch.claims.isEmpty { hear(batch.databaseTime, askedAt: batch.sentAt) }
        for claim in batch.claims {
            guard let entry = ports.catalogue[claim.provider], byID[claim.channelID]?.written == claim.base else {
                // Somebody renewed it between the look and the claim: that is what the caller wanted.
                needless.append(claim)
                reports.append(Self.renewedElsewhere(claim.channelID, expiresAt: claim.accessExpiresAt))
                continue
            }
            for ticket in await begin([claim], of: times, entry: entry, actor: options.actor) {
                group.addTask { await self.report(of: ticket, channel: claim.channelID, until: deadline) }
            }
        }
        let begun = Set(batch.claims.map(\.channelID)).subtracting(needless.map(\.channelID))
        for snapshot in granted where !begun.contains(snapshot.id) {
            if slots.give(for: snapshot.provider) { wake.send() }
        }
        let claimed = Set(batch.claims.map(\.channelID))
        for snapshot in granted where !claimed.contains(snapshot.id) {
            group.addTask { try await self.waitForHolder(of: snapshot, options, until: deadline) }
        }
        if !needless.isEmpty { await giveBack(needless) { self.scheduledTime(of: $0) } }
        return reports
    }

    /// When a channel that turned out to be fresh is due.
    private func scheduledTime(of claim: Claim) -> Date? {
        guard !claim.isParked, let entry = ports.catalogue[claim.provider], let issued = claim.accessIssuedAt else {
            return claim.isParked ? nil : claim.dueAt
        }
        let life = claim.accessExpiresAt.map { Duration.seconds($0.timeIntervalSince(issued)) }
        return entry.renewalTime.dueAt(
            channel: claim.channelID, issuedAt: issued, expiresAt: claim.accessExpiresAt, life: life)
    }

    private func report(
        of ticket: InFlight.Ticket, channel: ChannelID, until deadline: ContinuousClock.Instant
    ) async -> RefreshReport {
        let patience = clock.now.duration(to: deadline)
        if let report = await ticket.value(within: patience, clock: clock) { return report }
        return Self.stillRunning(channel, reason: "running", "The refresh is still running.", expiresAt: nil)
    }

    /// Waits for the end of a row that somebody else holds; never longer than the caller's patience.
    private func waitForHolder(
        of snapshot: ChannelSnapshot, _ options: RefreshOptions, until deadline: ContinuousClock.Instant
    ) async throws -> RefreshReport {
        var pause = Self.pauseMin
        while true {
            if let ticket = inFlight.ticket(of: snapshot.id) {
                return await report(of: ticket, channel: snapshot.id, until: deadline)
            }
            guard let now = try await ports.store.snapshots(of: [snapshot.id]).first else { break }
            if now.written != snapshot.written {
                return Self.renewedElsewhere(now.id, expiresAt: now.accessExpiresAt, nextRefreshAt: now.dueAt)
            }
            if !now.isHeld, !snapshot.isHeld, now.attempt == snapshot.attempt {
                // Locked by a transaction that is not over, perhaps a claim: nobody has tried yet.
                guard clock.now + pause < deadline else { break }
                try await clock.sleep(for: pause)
                return try await claimAgain(snapshot, options, until: deadline)
            }
            if !now.isHeld {
                return RefreshReport(
                    channelID: now.id, outcome: .leaseLost, reason: "ended_elsewhere",
                    message: "Another replica tried meanwhile and did not renew it.", expiresAt: now.accessExpiresAt,
                    nextRefreshAt: now.dueAt)
            }
            guard clock.now + pause < deadline else { break }
            try await clock.sleep(for: pause)
            pause = min(pause * 2, Self.pauseMax)
        }
        return Self.stillRunning(
            snapshot.id, reason: "held", "Another refresh of the channel is still running.",
            expiresAt: snapshot.accessExpiresAt)
    }

    /// With the snapshot of before, so that what was renewed meanwhile is not renewed again.
    private func claimAgain(
        _ snapshot: ChannelSnapshot, _ options: RefreshOptions, until deadline: ContinuousClock.Instant
    ) async throws -> RefreshReport {
        try await withThrowingTaskGroup(of: RefreshReport.self) { group in
            let ended = try await claim([snapshot], options, until: deadline, waitingIn: &group).first
            if let ended { return ended }
            return try await group.next()
                ?? Self.stillRunning(
                    snapshot.id, reason: "held", "Another refresh of the channel is still running.",
                    expiresAt: snapshot.accessExpiresAt)
        }
    }

    private static func stillRunning(
        _ channel: ChannelID, reason: String, _ message: String, expiresAt: Date?
    ) -> RefreshReport {
        RefreshReport(
            channelID: channel, outcome: .leaseLost, reason: reason, message: message, expiresAt: expiresAt)
    }

    private static func renewedElsewhere(
        _ channel: ChannelID, expiresAt: Date?, nextRefreshAt: Date? = nil
    ) -> RefreshReport {
        RefreshReport(
            channelID: channel, outcome: .renewed, reason: Outcome.renewed.rawValue,
            message: "The tokens were renewed by another refresh.", expiresAt: expiresAt, nextRefreshAt: nextRefreshAt)
    }
}
