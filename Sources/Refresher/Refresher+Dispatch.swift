import Domain
import FoundationEssentials
import Logging
import Providers

/// The loop over what is due.
extension Refresher {
    /// Looks at the schedule are at least this far apart: what falls due meanwhile is claimed together.
    static let lookEvery: Duration = .milliseconds(100)
    static let databasePause: Duration = .milliseconds(250)
    static let databasePauseMax: Duration = .seconds(2)

    /// How a claim of one provider went.
    private enum ClaimEnd {
        /// Nothing more is due.
        case drained
        /// As many rows as were asked for: there are probably more.
        case full
        /// No slots, no permission or no patience of the provider now.
        case waits
    }

    func dispatch(into attempts: inout DiscardingTaskGroup) async {
        logger.info("refresh loop started", metadata: ["event": "scheduler.started"])
        var pause = Self.databasePause
        /// Providers with due rows; looked up again only when their rows were drained or others fall due.
        var backlog: [String] = []
        var lookedAt: ContinuousClock.Instant?
        var nextLook = clock.now
        while !gate.isStopped, !Task.isCancelled {
            heartbeats.beat(Self.loopName)
            if clock.now >= nextLook {
                do {
                    let due = try await look()
                    lookedAt = clock.now
                    backlog = due.due
                    nextLook = clock.now + ahead(of: due)
                } catch {
                    logger.warning(
                        "the schedule cannot be read", metadata: ["event": "claim.failed", "error": "\(error)"])
                    await stopOrWake(within: pause * (0.5 + random()))
                    pause = min(pause * 2, Self.databasePauseMax)
                    continue
                }
            }
            var isFull = false
            var isFailing = false
            for provider in backlog {
                do {
                    switch try await claimBatch(of: provider, into: &attempts) {
                    case .full: isFull = true
                    case .waits: break
                    case .drained:
                        backlog.removeAll { $0 == provider }
                        nextLook = min(nextLook, (lookedAt ?? clock.now) + Self.lookEvery)
                    }
                } catch {
                    // The next provider's rows may be well.
                    isFailing = true
                    logger.warning(
                        "due channels cannot be claimed",
                        metadata: ["event": "claim.failed", "provider": "\(provider)", "error": "\(error)"])
                }
            }
            if isFailing {
                await stopOrWake(within: pause * (0.5 + random()))
                pause = min(pause * 2, Self.databasePauseMax)
            } else {
                pause = Self.databasePause
                if !isFull { await wake.wait(atMost: max(.zero, clock.now.duration(to: nextLook)), clock: clock) }
            }
        }
    }

    private func look() async throws -> DueProviders {
        let askedAt = clock.now
        let names = ports.catalogue.names
        let due = try await gate.reading {
            try await ports.store.due(providers: names, excludingApps: board.excluded)
        }
        if !names.isEmpty { hear(due.databaseTime, askedAt: askedAt) }
        return due
    }

    /// Compares the database's clock with ours.
    func hear(_ databaseTime: Date, askedAt: ContinuousClock.Instant) {
        guard clockWatch.heard(databaseTime, askedAt: askedAt) else { return }
        logger.error(
            "the database's clock jumped against this machine's: no takeovers and no verdicts by clock for 30 min",
            metadata: ["event": "clock.jumped"])
    }

    /// Until the next due time or the poll interval.
    private func ahead(of due: DueProviders) -> Duration {
        let next = due.next.map { Duration.seconds($0.timeIntervalSince(due.databaseTime)) } ?? configuration.poll
        return min(max(next, Self.lookEvery), max(configuration.poll, Self.lookEvery))
    }

    /// After a failure: freed slots are no reason to hurry.
    private func stopOrWake(within pause: Duration) async {
        await stopSignal.wait(atMost: pause, clock: clock)
    }

    /// Claims as many due rows of a provider as half of its slots or more allow.
    private func claimBatch(of provider: String, into attempts: inout DiscardingTaskGroup) async throws -> ClaimEnd {
        guard let entry = ports.catalogue[provider] else { return .drained }
        let replayClass = classes.ofAll(entry)
        let allowance = pacing.allowance(for: provider)
        guard allowance > 0, batcher.hasRoom, gate.mayClaim(journalled: replayClass.isJournalled) else { return .waits }
        let taken = slots.takeForClaim(by: provider, atMost: allowance)
        guard taken > 0 else { return .waits }
        let batch: ClaimBatch
        do {
            batch = try await gate.watching {
                try await ports.store.claimDue(
                    provider: provider, lease: lease(of: entry), limit: taken, excludingApps: board.excluded)
            }
        } catch {
            _ = slots.give(taken, for: provider)
            throw error
        }
        if batch.claims.count < taken { _ = slots.give(taken - batch.claims.count, for: provider) }
        guard !batch.claims.isEmpty else { return .drained }
        hear(batch.databaseTime, askedAt: batch.sentAt)
        for claim in batch.claims {
            guard let dueAt = claim.dueAt else { continue }
            metrics.observe(
                "tokenward_refresh_lateness_seconds", seconds: max(0, batch.databaseTime.timeIntervalSince(dueAt)))
        }
        let times = ClaimTimes(batch, heardAt: clock.now)
        note(batch.claims, of: entry)
        for claim in batch.claims {
            attempts.addTask { await self.work(on: claim, of: times, entry: entry, actor: Attempt.scheduler) }
        }
        return batch.claims.count < taken ? .drained : .full
    }

    /// Makes claims known to callers of this process and to the journal, before anything is done with them.
    @discardableResult
    func note(_ claims: [Claim], of entry: ProviderEntry) -> [InFlight.Ticket] {
        let journalled = claims.filter { classes.of(entry, appID: $0.appID).isJournalled }
        if !journalled.isEmpty { ports.journal.noteClaims(journalled.map(\.key)) }
        return claims.map { inFlight.begin($0.key) }
    }
}
