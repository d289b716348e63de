import Domain
import FoundationEssentials
import Logging
import Providers

/// The slow loops beside the dispatcher: orphans of dead replicas, and apps in trouble.
extension Refresher {
    static let appsEvery: Duration = .seconds(2)

    /// Takes over claims whose lease ran out (PROTOCOL §4 Q1'').
    func watchOrphans() async {
        while !gate.isStopped, !Task.isCancelled {
            heartbeats.beat("takeover")
            do {
                for provider in ports.catalogue.names where !gate.isStopped {
                    try await takeOverOrphans(of: provider)
                }
            } catch {
                logger.warning("orphans cannot be read", metadata: ["event": "takeover.failed", "error": "\(error)"])
            }
            await orphanSignal.wait(atMost: configuration.takeoverEvery, clock: clock)
        }
        heartbeats.end("takeover")
    }

    private func takeOverOrphans(of provider: String) async throws {
        guard let entry = ports.catalogue[provider], gate.isOpen(journalled: entry.replayClass.isJournalled) else {
            return
        }
        let room = slots.room(for: provider)
        guard room > 0 else { return }
        let batch = try await gate.watching {
            try await ports.store.takeOver(
                provider: provider, lease: entry.replayClass.lease(margin: entry.policy.refreshBefore),
                free: entry.replayClass == .free, limit: room)
        }
        guard !batch.claims.isEmpty else { return }
        logger.notice(
            "claims taken over",
            metadata: ["event": "takeover", "provider": "\(provider)", "count": "\(batch.claims.count)"])
        begin(batch, entry: entry, actor: "scheduler")
    }

    /// Starts claims from outside the dispatcher; their tasks belong to `run()`.
    ///
    /// - Parameter waiter: resumed with the report of the batch's only claim.
    func begin(
        _ batch: ClaimBatch, entry: ProviderEntry, actor: String,
        waiter: CheckedContinuation<RefreshReport, Never>? = nil
    ) {
        slots.take(batch.claims.count, for: entry.name)
        if entry.replayClass.isJournalled { ports.journal.noteClaims(batch.claims.map(\.key)) }
        for claim in batch.claims {
            inFlight.begin(claim.channelID, waiter: waiter)
            let work: @Sendable () async -> Void = {
                await self.work(on: claim, of: (batch.sentAt, batch.databaseTime), entry: entry, actor: actor)
            }
            // After the stop nothing starts: the lease runs out and another replica takes over.
            if !enqueue(work) {
                _ = slots.give(for: entry.name)
                inFlight.end(
                    RefreshReport(
                        channelID: claim.channelID, outcome: .leaseLost, reason: "stopping",
                        message: "\(RefresherError.stopping)"))
            }
        }
    }

    /// Learns what other replicas found out about apps, and probes those whose turn has come.
    func watchApps() async {
        while !gate.isStopped, !Task.isCancelled {
            heartbeats.beat("apps")
            do {
                try await board.reload()
                for canary in try await board.canaries() { try await probe(canary) }
            } catch {
                logger.warning("app states cannot be read", metadata: ["event": "apps.failed", "error": "\(error)"])
            }
            await appSignal.wait(atMost: Self.appsEvery, clock: clock)
        }
        heartbeats.end("apps")
    }

    private func probe(_ canary: (app: String, channel: ChannelID, isOnlyChannel: Bool)) async throws {
        let reports = try await refresh(
            [canary.channel], RefreshOptions(force: true, actor: "app probe", patience: .zero), isProbe: true)
        guard canary.isOnlyChannel, let report = reports.first, report.outcome == .appRejected,
            board.standing(of: canary.app)?.state == .suspect
        else { return }
        await board.confirmed(canary.app, by: canary.channel, reason: report.reason)
    }
}
