import Domain
import FoundationEssentials
import Logging
import Providers

/// The work on one claim.
extension Refresher {
    /// Takes one claim from call to committed end; the caller has taken a slot and noted the claim.
    func work(on claim: Claim, of times: ClaimTimes, entry: ProviderEntry, actor: String) async {
        let attempt = Attempt(
            claim: claim, batch: times, entry: entry,
            app: ports.apps.app(provider: claim.provider, tenantID: claim.tenantID), actor: actor,
            shared: Attempt.Surroundings(
                sender: ports.sender, journal: ports.journal, gate: gate, clock: clock, classes: classes,
                clockWatch: clockWatch, board: board, ladder: configuration.ladder,
                transferLimit: configuration.transferLimit,
                random: random,
                catalogueRevision: ports.catalogue.revision))
        let finished = await attempt.run()
        pacing.note(finished.contact, of: entry.name, random: random())
        if slots.give(for: entry.name) { wake.send() }
        let report = await deliver(finished)
        inFlight.end(claim.key, with: report)
        await judgeApp(of: finished)
    }

    /// Stores an end and closes its journal entry.
    private func deliver(_ finished: FinishedAttempt) async -> RefreshReport {
        let claim = finished.claim
        var report = finished.end.report(for: claim.channelID)
        var isDone = true
        if report.outcome != .renewed, report.expiresAt == nil { report.expiresAt = claim.accessExpiresAt }
        switch await batcher.submit(finished) {
        case .abandoned:
            report.outcome = .unknownOutcome
            report.reason = "stopped"
            report.message = "The process ended before the database took the answer."
            return report
        case .decided(.stored):
            if report.reason == "rotation_lost" { metrics.increment("tokenward_rotation_lost_total") }
        case .decided(.superseded):
            report.outcome = .superseded
            report.reason = Outcome.superseded.rawValue
            report.message = "Another attempt or a new grant was first."
            if case .success(let success) = finished.end { isDone = await dropSuperseded(success) }
        case .decided(.refused(let why)):
            report.outcome = .unclassified
            report.reason = "not_storable"
            report.message = "The answer could not be stored: \(why)"
            if finished.isJournalled { await ports.journal.quarantine(claim.key, because: why) }
        }
        if finished.isNoted, isDone { ports.journal.noteDone([claim.key]) }
        tell(report, of: finished)
        return report
    }

    private func tell(_ report: RefreshReport, of finished: FinishedAttempt) {
        let claim = finished.claim
        scoreboard.note()
        metrics.increment(
            "tokenward_refreshes_total", [("provider", claim.provider), ("outcome", report.outcome.rawValue)])
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
        guard report.outcome != .superseded, case .failure(let failure) = finished.end, let warning = failure.warning,
            claim.reason != warning
        else { return }
        metadata["event"] = "channel.warning"
        metadata["reason"] = "\(warning.rawValue)"
        logger.warning("channel in warning", metadata: metadata)
    }

    private func judgeApp(of finished: FinishedAttempt) async {
        let claim = finished.claim
        switch finished.end {
        case .success: await board.accepted(claim.appID, by: claim)
        case .failure(let failure) where finished.answerClass == .client:
            await board.rejected(claim.appID, by: claim.channelID, reason: failure.code)
        case .failure(let failure) where failure.code == IncidentCause.appMissing:
            // A command may lack settings that the service has; the service alone speaks for the installation.
            if configuration.claimsDue { await board.missing(claim.appID, by: claim.channelID) }
        case .failure(let failure): await board.judge(claim.appID, by: claim.channelID, reason: failure.code)
        case .inspection, .release: break
        }
    }

    /// Starts claims from outside the dispatcher, whose slots are taken; their tasks belong to `run()`.
    @discardableResult
    func begin(
        _ claims: [Claim], of times: ClaimTimes, entry: ProviderEntry, actor: String
    ) async -> [InFlight.Ticket] {
        let tickets = note(claims, of: entry)
        var refused: [Claim] = []
        for claim in claims {
            let isTaken = requests.put { await self.work(on: claim, of: times, entry: entry, actor: actor) }
            if !isTaken { refused.append(claim) }
        }
        guard !refused.isEmpty else { return tickets }
        _ = slots.give(refused.count, for: entry.name)
        await giveBack(refused) { $0.isParked ? nil : times.databaseTime }
        ports.journal.noteDone(refused.map(\.key))
        for claim in refused {
            inFlight.end(
                claim.key,
                with: RefreshReport(
                    channelID: claim.channelID, outcome: .leaseLost, reason: "stopping",
                    message: "\(RefresherError.stopping)", expiresAt: claim.accessExpiresAt))
        }
        return tickets
    }

    /// Releases claims that nothing was sent for; what the database does not take waits for the end of its lease.
    func giveBack(_ claims: [Claim], dueAt: (Claim) -> Date?) async {
        let releases = claims.map { (key: $0.key, dueAt: dueAt($0)) }
        do {
            try await gate.watching { try await ports.store.release(releases) }
        } catch {
            logger.warning(
                "claims cannot be given back",
                metadata: ["event": "release.failed", "count": "\(claims.count)", "error": "\(error)"])
        }
    }
}
