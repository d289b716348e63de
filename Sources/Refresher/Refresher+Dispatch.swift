import Domain
import FoundationEssentials
import Logging
import Providers

/// The loop over what is due, and the work on one claim.
extension Refresher {
    private static let databasePause: Duration = .milliseconds(250)

    func dispatch(into attempts: inout DiscardingTaskGroup) async {
        logger.info("refresh loop started", metadata: ["event": "scheduler.started"])
        var pause = Self.databasePause
        while !gate.isStopped, !Task.isCancelled {
            heartbeats.beat(Self.loopName)
            do {
                let due = try await gate.watching {
                    try await ports.store.due(providers: ports.catalogue.names, excludingApps: board.excluded)
                }
                pause = Self.databasePause
                var isBacklogged = false
                for provider in due.due {
                    if try await claimBatch(of: provider, into: &attempts) { isBacklogged = true }
                }
                if !isBacklogged { await rest(until: due.next, now: due.databaseTime) }
            } catch {
                logger.warning(
                    "the schedule cannot be read", metadata: ["event": "claim.failed", "error": "\(error)"])
                await wake.wait(atMost: pause * Double.random(in: 0.5...1.5), clock: clock)
                pause = min(pause * 2, .seconds(2))
            }
        }
    }

    /// Claims as many rows of a provider as there are slots; true when there is probably more to claim at once.
    private func claimBatch(of provider: String, into attempts: inout DiscardingTaskGroup) async throws -> Bool {
        guard let entry = ports.catalogue[provider], !pacing.isPaused(provider), batcher.hasRoom,
            !gate.isStopped, gate.isOpen(journalled: entry.replayClass.isJournalled)
        else { return false }
        let room = slots.room(for: provider)
        guard room > 0 else { return false }
        let batch = try await gate.watching {
            try await ports.store.claimDue(
                provider: provider, lease: entry.replayClass.lease(margin: entry.policy.refreshBefore), limit: room,
                excludingApps: board.excluded)
        }
        for claim in batch.claims {
            if let dueAt = claim.dueAt {
                metrics.observe(
                    "tokenward_refresh_lateness_seconds", seconds: max(0, batch.databaseTime.timeIntervalSince(dueAt)))
            }
        }
        start(batch, entry: entry, into: &attempts)
        return batch.claims.count == room && slots.room(for: provider) > 0
    }

    private func start(_ batch: ClaimBatch, entry: ProviderEntry, into attempts: inout DiscardingTaskGroup) {
        guard !batch.claims.isEmpty else { return }
        slots.take(batch.claims.count, for: entry.name)
        for claim in batch.claims { inFlight.begin(claim.channelID) }
        if entry.replayClass.isJournalled { ports.journal.noteClaims(batch.claims.map(\.key)) }
        for claim in batch.claims {
            attempts.addTask {
                await self.work(on: claim, of: (batch.sentAt, batch.databaseTime), entry: entry, actor: "scheduler")
            }
        }
    }

    /// Sleeps until the next due time, a freed slot, or the poll interval.
    private func rest(until next: Date?, now: Date) async {
        let ahead = next.map { Duration.seconds(max(0.01, $0.timeIntervalSince(now))) } ?? configuration.poll
        await wake.wait(atMost: min(ahead, configuration.poll), clock: clock)
    }

    /// One claim from call to committed end. The caller has taken a slot.
    @discardableResult
    func work(
        on claim: Claim, of batch: (sentAt: ContinuousClock.Instant, databaseTime: Date), entry: ProviderEntry,
        actor: String
    ) async -> RefreshReport {
        let attempt = Attempt(
            claim: claim, batch: batch, entry: entry,
            app: ports.apps.app(provider: claim.provider, tenantID: claim.tenantID), actor: actor,
            catalogueRevision: ports.catalogue.revision, sender: ports.sender, journal: ports.journal, gate: gate,
            clock: clock, configuration: configuration)
        let finished = await attempt.run()
        if slots.give(for: entry.name) { wake.send() }
        if finished.answerClass == .rateLimited {
            pacing.pause(entry.name, for: finished.retryAfter ?? .seconds(1))
        }
        let report = await deliver(finished)
        inFlight.end(report)
        await judgeApp(of: finished)
        return report
    }

    /// Stores an end and closes its journal entry.
    func deliver(_ finished: FinishedAttempt) async -> RefreshReport {
        let claim = finished.claim
        let result = await batcher.submit(finished)
        var report = finished.end.report(for: claim.channelID)
        switch result {
        case .stored:
            break
        case .superseded:
            report.outcome = .superseded
            report.reason = Outcome.superseded.rawValue
            report.message = "Another attempt or a new grant was first."
        case .refused(let why):
            report.outcome = .unclassified
            report.reason = "not_storable"
            report.message = "The answer could not be stored: \(why)"
            if finished.isJournalled { await ports.journal.quarantine(claim.key, because: why) }
        }
        if finished.isNoted { ports.journal.noteDone([claim.key]) }
        note(report, of: claim)
        return report
    }

    private func note(_ report: RefreshReport, of claim: Claim) {
        scoreboard.note()
        metrics.increment(
            "tokenward_refreshes_total", [("provider", claim.provider), ("outcome", report.outcome.rawValue)])
        if report.reason == "rotation_lost" { metrics.increment("tokenward_rotation_lost_total") }
        var metadata: Logger.Metadata = [
            "event": report.outcome == .renewed ? "refresh.renewed" : "refresh.failed", "channel": "\(claim.channelID)",
            "provider": "\(claim.provider)", "outcome": "\(report.outcome.rawValue)",
        ]
        if report.outcome == .renewed {
            logger.debug("refreshed", metadata: metadata)
        } else {
            metadata["reason"] = "\(report.reason)"
            if let request = report.providerRequestID { metadata["request"] = "\(request)" }
            logger.info("not refreshed", metadata: metadata)
        }
    }

    private func judgeApp(of finished: FinishedAttempt) async {
        let claim = finished.claim
        if finished.answerClass == .client {
            await board.rejected(
                claim.appID, by: claim.channelID, reason: finished.end.report(for: claim.channelID).reason)
        } else if case .success = finished.end {
            await board.accepted(claim.appID, by: claim.channelID)
        }
    }
}
