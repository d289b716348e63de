import Domain
import FoundationEssentials
import Logging
import Providers
import Synchronization

/// The slow loops beside the dispatcher: orphans of dead replicas, apps in trouble.
extension Refresher {
    static let appsEvery: Duration = .seconds(2)
    /// The longest that a probe of an app is waited for.
    static let probePatience: Duration = .seconds(40)

    /// Takes over claims whose lease ran out (PROTOCOL §4 Q1'').
    func watchOrphans() async {
        while !gate.isStopped, !Task.isCancelled {
            heartbeats.beat("takeover")
            for provider in await providersWithOrphans() where !gate.isStopped {
                do {
                    try await takeOverOrphans(of: provider)
                } catch {
                    logger.warning(
                        "orphans cannot be taken over",
                        metadata: ["event": "takeover.failed", "provider": "\(provider)", "error": "\(error)"])
                    if gate.isDatabaseAway { break }
                }
            }
            await orphanSignal.wait(atMost: configuration.takeoverEvery, clock: clock)
        }
        heartbeats.end("takeover")
    }

    private func providersWithOrphans() async -> [String] {
        do {
            return try await gate.watching { try await ports.store.orphaned(among: ports.catalogue.names) }
        } catch {
            logger.warning(
                "orphans cannot be looked for", metadata: ["event": "takeover.failed", "error": "\(error)"])
            return []
        }
    }

    private func takeOverOrphans(of provider: String) async throws {
        guard let entry = ports.catalogue[provider] else { return }
        let replayClass = classes.ofAll(entry)
        let lease = lease(of: entry)
        guard clockWatch.agrees(for: lease), gate.isOpen(journalled: replayClass.isJournalled),
            // Our own journal may hold the answer of what looks like an orphan.
            !replayClass.isJournalled || unsettled.withLock({ $0.isHome })
        else { return }
        let taken = slots.takeForClaim(by: provider, atMost: pacing.allowance(for: provider))
        guard taken > 0 else { return }
        let batch: ClaimBatch
        do {
            batch = try await gate.watching {
                try await ports.store.takeOver(
                    provider: provider, lease: lease, free: replayClass == .free, limit: taken)
            }
        } catch {
            _ = slots.give(taken, for: provider)
            throw error
        }
        if batch.claims.count < taken, slots.give(taken - batch.claims.count, for: provider) { wake.send() }
        guard !batch.claims.isEmpty else { return }
        hear(batch.databaseTime, askedAt: batch.sentAt)
        logger.notice(
            "claims taken over",
            metadata: ["event": "takeover", "provider": "\(provider)", "count": "\(batch.claims.count)"])
        await sort(batch, of: entry, after: lease)
    }

    /// Begins what may be tried now; the rest is given back with the time at which its class allows a replay.
    private func sort(_ batch: ClaimBatch, of entry: ProviderEntry, after lease: Duration) async {
        // Their leases ran out, so their claims are at least this old.
        let claimedAt = batch.databaseTime.addingTimeInterval(-lease.seconds)
        var now: [Claim] = []
        var later: [(claim: Claim, dueAt: Date?)] = []
        for claim in batch.claims {
            let earliest = ReplayRule.earliest(
                classes.of(entry, appID: claim.appID), claimedAt: claimedAt, accessExpiresAt: claim.accessExpiresAt)
            if claim.isParked {
                later.append((claim, nil))
            } else if earliest > batch.databaseTime {
                later.append((claim, earliest))
            } else if board.isExcluded(claim.appID) {
                later.append((claim, batch.databaseTime.addingTimeInterval(ProtocolTimes.ownFaultPause.seconds)))
            } else {
                now.append(claim)
            }
        }
        let times = ClaimTimes(batch, heardAt: clock.now)
        await begin(now, of: times, entry: entry, actor: Attempt.scheduler)
        guard !later.isEmpty else { return }
        if slots.give(later.count, for: entry.name) { wake.send() }
        let dueAt = Dictionary(later.map { ($0.claim.key, $0.dueAt) }, uniquingKeysWith: { first, _ in first })
        await giveBack(later.map(\.claim)) { dueAt[$0.key] ?? nil }
    }

    /// Learns what other replicas found out about apps, and probes those whose turn has come.
    func watchApps() async {
        while !gate.isStopped, !Task.isCancelled {
            heartbeats.beat("apps")
            do {
                try await gate.reading { try await board.reload() }
                for canary in try await board.canaries() {
                    heartbeats.beat("apps")
                    try await probe(canary)
                }
                for app in board.held { try await lookAgain(at: app) }
            } catch {
                logger.warning("app states cannot be read", metadata: ["event": "apps.failed", "error": "\(error)"])
            }
            await appSignal.wait(atMost: Self.appsEvery, clock: clock)
        }
        heartbeats.end("apps")
    }

    private func probe(_ canary: AppBoard.Canary) async throws {
        let reports = try await refresh(
            [canary.channel], RefreshOptions(force: true, actor: "app probe", patience: Self.probePatience),
            isProbe: true)
        guard canary.isOnlyChannel, let report = reports.first, report.outcome == .appRejected,
            board.standing(of: canary.app)?.state == .suspect
        else { return }
        await board.confirmed(canary.app, by: canary.channel, reason: report.reason)
    }

    /// Canaries of an app whose verdicts are held: one denied channel of each tenant.
    private func lookAgain(at app: String) async throws {
        switch try await board.holdTurn(of: app) {
        case .none: return
        case .overdue:
            await board.release(app, because: "The hour is over; denied channels are tried once more.")
        case .canaries(let channels):
            heartbeats.beat("apps")
            let reports = try await refresh(
                channels, RefreshOptions(force: true, actor: "app probe", patience: Self.probePatience), isProbe: true)
            await board.settle(app, by: reports, canaries: channels.count)
        }
        wake.send()
    }
}
