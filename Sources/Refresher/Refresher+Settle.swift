import Domain
import FoundationEssentials
import Logging
import Providers

/// Bringing home what ended processes left in their journals (PROTOCOL §5 "Settle"), before the first claim.
extension Refresher {
    func settleJournal() async {
        let recovery: JournalRecovery
        do {
            recovery = try await ports.journal.recover()
        } catch {
            gate.journal(failed: true)
            logger.error("the journal cannot be read", metadata: ["event": "journal.failed", "error": "\(error)"])
            return
        }
        for sentence in recovery.quarantined {
            metrics.increment("tokenward_journal_settled_total", [("result", "quarantined")])
            logger.error("journal entry set aside", metadata: ["event": "journal.quarantined", "why": "\(sentence)"])
        }
        guard !recovery.answers.isEmpty || !recovery.claims.isEmpty else { return }
        logger.notice(
            "settling the journal",
            metadata: [
                "event": "journal.settling", "answers": "\(recovery.answers.count)", "claims": "\(recovery.claims.count)",
            ])
        var pause: Duration = .milliseconds(250)
        while !gate.isStopped, !Task.isCancelled {
            heartbeats.beat(Self.loopName)
            do {
                try await settle(answers: recovery.answers)
                try await settle(claims: recovery.claims)
                return
            } catch {
                // No claims before the journal is home, and none are possible without the database anyway.
                logger.warning(
                    "the journal waits for the database", metadata: ["event": "journal.waiting", "error": "\(error)"])
                await stopSignal.wait(atMost: pause, clock: clock)
                pause = min(pause * 2, .seconds(2))
            }
        }
    }

    private func settle(answers: [JournalAnswer]) async throws {
        for answer in answers {
            guard let entry = ports.catalogue[answer.provider] else {
                await ports.journal.quarantine(answer.key, because: "the catalogue has no provider `\(answer.provider)`")
                continue
            }
            switch AnswerReader(entry: entry).read(answer, now: Date(), actor: "journal") {
            case .success(let success):
                let result = try await gate.watching { try await ports.store.complete([success])[0] }
                await close(answer.key, result)
            case .failure(let end):
                try await settle(answer.key, base: answer.base, end: end, entry: entry, provider: answer.provider)
            }
        }
    }

    /// A claim without an answer: the request may have left.
    private func settle(claims: [ClaimKey]) async throws {
        guard !claims.isEmpty else { return }
        let snapshots = try await ports.store.snapshots(of: claims.map(\.channelID))
        let byID = Dictionary(uniqueKeysWithValues: snapshots.map { ($0.id, $0) })
        for key in claims {
            guard let snapshot = byID[key.channelID], let entry = ports.catalogue[snapshot.provider] else {
                ports.journal.noteDone([key])
                continue
            }
            try await settle(
                key, base: snapshot.written,
                end: .unknown(code: "process_ended", message: "The process ended while the refresh was running."),
                entry: entry, provider: snapshot.provider)
        }
    }

    private func settle(
        _ key: ClaimKey, base: Int64, end: FailedEnd, entry: ProviderEntry, provider: String
    ) async throws {
        let snapshot = try await ports.store.snapshots(of: [key.channelID]).first
        let claim = Claim(
            key: key, tenantID: snapshot?.tenantID ?? "", provider: provider, appID: snapshot?.appID ?? "", grantID: 0,
            base: base, doubt: snapshot?.doubt ?? false, fails: 0, denials: 0, status: snapshot?.status ?? .active,
            reason: snapshot?.reason, accessExpiresAt: snapshot?.accessExpiresAt, refreshExpiresAt: nil,
            accessIssuedAt: snapshot?.accessIssuedAt, lastRefreshAt: snapshot?.lastRefreshAt, dueAt: snapshot?.dueAt,
            credential: .failure(.unreadable))
        let failure = FailurePolicy(entry: entry, ladder: configuration.ladder).failure(
            of: claim, end, now: snapshot?.databaseTime ?? Date(), random: Double.random(in: 0..<1), actor: "journal")
        let result = try await gate.watching { try await ports.store.complete([failure])[0] }
        await close(key, result == .stored ? .stored : result, failed: true)
    }

    private func close(_ key: ClaimKey, _ result: CompletionResult, failed: Bool = false) async {
        switch result {
        case .stored:
            metrics.increment("tokenward_journal_settled_total", [("result", failed ? "failed" : "stored")])
            ports.journal.noteDone([key])
        case .superseded:
            metrics.increment("tokenward_journal_settled_total", [("result", "superseded")])
            ports.journal.noteDone([key])
        case .refused(let why):
            metrics.increment("tokenward_journal_settled_total", [("result", "refused")])
            await ports.journal.quarantine(key, because: why)
        }
    }
}
