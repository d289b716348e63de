import Domain
import FoundationEssentials
import Logging
import Providers
import Synchronization

/// What ended processes left in the journal and is not home yet.
struct Unsettled: Sendable {
    /// Whether the journal could be looked through at all.
    var isRead = false
    var answers: [JournalAnswer] = []
    var exchanges: [JournalAnswer] = []
    var claims: [ClaimKey] = []

    var isHome: Bool { isRead && answers.isEmpty && exchanges.isEmpty && claims.isEmpty }
}

/// Bringing home what ended processes left in their journals (PROTOCOL §5 "Settle").
extension Refresher {
    static let journalEvery: Duration = .seconds(1)
    private static let settleBatch = 200

    /// Tries each entry once before the first claim.
    ///
    /// Entries that fail while the database works are tried again beside the loop: they delay nothing but themselves.
    func settleJournal() async {
        var pause = Self.databasePause
        while !gate.isStopped, !Task.isCancelled {
            heartbeats.beat(Self.loopName)
            await settleOnce()
            if unsettled.withLock({ !$0.isRead || $0.isHome }) { return }
            let isDatabaseThere = try? await gate.reading {
                try await ports.store.due(providers: [], excludingApps: [])
            }
            if isDatabaseThere != nil { return }
            await stopSignal.wait(atMost: pause, clock: clock)
            pause = min(pause * 2, Self.databasePauseMax)
        }
    }

    /// Settles what is left, and opens the gate again when the journal works again.
    func watchJournal() async {
        while !gate.isStopped, !Task.isCancelled {
            heartbeats.beat("journal")
            if !unsettled.withLock({ $0.isHome }) { await settleOnce() }
            if gate.isJournalDown { probeJournal() }
            await journalSignal.wait(atMost: Self.journalEvery, clock: clock)
        }
        heartbeats.end("journal")
    }

    private func probeJournal() {
        guard ports.journal.standing().failure == nil, let reservation = try? ports.journal.reserve() else { return }
        ports.journal.release(reservation)
        gate.journal(failed: false)
        logger.notice("the journal keeps answers again", metadata: ["event": "journal.recovered"])
        wake.send()
    }

    private func settleOnce() async {
        if !unsettled.withLock({ $0.isRead }) { await readJournal() }
        let (answers, exchanges, claims) = unsettled.withLock { ($0.answers, $0.exchanges, $0.claims) }
        guard !answers.isEmpty || !exchanges.isEmpty || !claims.isEmpty else { return }
        logger.notice(
            "settling the journal",
            metadata: ["event": "journal.settling", "answers": "\(answers.count)", "claims": "\(claims.count)"])
        for answer in answers where !gate.isStopped {
            heartbeats.beat(Self.loopName)
            if await tried({ try await settle(answer) }) {
                unsettled.withLock { $0.answers.removeAll { $0.key == answer.key } }
            } else if gate.isDatabaseAway {
                return
            }
        }
        for exchange in exchanges where !gate.isStopped {
            heartbeats.beat(Self.loopName)
            if await tried({ try await settle(exchange: exchange) }) {
                unsettled.withLock { $0.exchanges.removeAll { $0.key == exchange.key } }
            } else if gate.isDatabaseAway {
                return
            }
        }
        var start = 0
        while start < claims.count, !gate.isStopped {
            heartbeats.beat(Self.loopName)
            let part = Array(claims[start..<min(start + Self.settleBatch, claims.count)])
            start += part.count
            guard await tried({ try await settle(part) }) else { continue }
            unsettled.withLock { $0.claims.removeAll(where: Set(part).contains) }
        }
    }

    private func readJournal() async {
        do {
            let recovery = try await ports.journal.recover()
            for sentence in recovery.quarantined {
                metrics.increment("tokenward_journal_settled_total", [("result", "quarantined")])
                logger.error(
                    "journal entry set aside", metadata: ["event": "journal.quarantined", "why": "\(sentence)"])
            }
            unsettled.withLock {
                $0 = Unsettled(
                    isRead: true, answers: recovery.answers, exchanges: recovery.exchanges, claims: recovery.claims)
            }
        } catch {
            gate.journal(failed: true)
            logger.error("the journal cannot be read", metadata: ["event": "journal.failed", "error": "\(error)"])
        }
    }

    private func tried(_ body: () async throws -> Void) async -> Bool {
        do {
            try await body()
            return true
        } catch {
            logger.warning(
                "a journal entry waits for the database", metadata: ["event": "journal.waiting", "error": "\(error)"])
            return false
        }
    }

    private func settle(_ answer: JournalAnswer) async throws {
        guard let entry = ports.catalogue[answer.provider] else {
            await ports.journal.quarantine(
                answer.key, because: "The catalogue has no provider `\(answer.provider)`: add its entry again.")
            metrics.increment("tokenward_journal_settled_total", [("result", "quarantined")])
            return
        }
        let snapshot = try await gate.reading { try await ports.store.snapshots(of: [answer.key.channelID]) }.first
        let now = snapshot?.databaseTime ?? Date()
        // Whatever the catalogue says of the class: it was journalled because its token may be spent.
        let replayClass: ReplayClass = entry.replayClass == .free ? .single : entry.replayClass
        switch AnswerReader(entry: entry, replayClass: replayClass).read(answer, now: now, actor: "journal") {
        case .success(let success, _):
            let result = try await gate.watching { try await ports.store.complete([success]) }.first
            // What the process before could not tell the provider is tried once more, and then over.
            if result == .superseded { _ = await dropSuperseded(success, tries: 1) }
            await close(answer.key, result ?? .superseded, as: "stored")
        case .failure(let end):
            guard let snapshot else { return await close(answer.key, .superseded, as: "failed") }
            let failure = self.failure(
                answer.key, base: answer.base, end: end, entry: entry, replayClass: replayClass, snapshot: snapshot)
            let result = try await gate.watching { try await ports.store.complete([failure]) }.first
            await close(answer.key, result ?? .superseded, as: "failed")
        }
    }

    /// The answer to a code goes to its authorization, which is finished from there.
    private func settle(exchange: JournalAnswer) async throws {
        guard let exchanges = ports.exchanges else { return }
        let isKnown = try await gate.watching { try await exchanges.keepExchange(exchange) }
        await close(
            exchange.key, isKnown ? .stored : .refused("The database knows no such authorization."), as: "stored")
    }

    /// Claims without an answer: the request may have left.
    private func settle(_ claims: [ClaimKey]) async throws {
        let snapshots = try await gate.reading { try await ports.store.snapshots(of: claims.map(\.channelID)) }
        let byID = Dictionary(snapshots.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        var failures: [StoredFailure] = []
        for key in claims {
            guard let snapshot = byID[key.channelID], snapshot.attempt == key.attempt, snapshot.isHeld,
                let entry = ports.catalogue[snapshot.provider]
            else {
                await close(key, .superseded, as: "failed")
                continue
            }
            let sentence = "The process ended while the refresh was running."
            let replayClass = classes.of(entry, appID: snapshot.appID)
            failures.append(
                failure(
                    key, base: snapshot.written,
                    end: replayClass == .free
                        ? .notSent(code: "process_ended", message: sentence)
                        : .unknown(code: "process_ended", message: sentence),
                    entry: entry, replayClass: replayClass, snapshot: snapshot))
        }
        guard !failures.isEmpty else { return }
        let results = try await gate.watching { try await ports.store.complete(failures) }
        for (failure, result) in zip(failures, results) { await close(failure.key, result, as: "failed") }
    }

    /// The row as it stands is the one that was claimed: the fence compares attempt and base.
    private func failure(
        _ key: ClaimKey, base: Int64, end: FailedEnd, entry: ProviderEntry, replayClass: ReplayClass,
        snapshot: ChannelSnapshot
    ) -> StoredFailure {
        let claim = Claim(
            key: key, tenantID: snapshot.tenantID, provider: snapshot.provider, appID: snapshot.appID, grantID: 0,
            base: base, doubt: snapshot.doubt, fails: snapshot.fails, denials: snapshot.denials,
            status: snapshot.status, reason: snapshot.reason, accessExpiresAt: snapshot.accessExpiresAt,
            refreshExpiresAt: nil, accessIssuedAt: snapshot.accessIssuedAt, lastRefreshAt: snapshot.lastRefreshAt,
            dueAt: snapshot.dueAt, credential: .failure(.unreadable))
        return FailurePolicy(entry: entry, replayClass: replayClass, ladder: configuration.ladder).failure(
            of: claim, end, now: snapshot.databaseTime, random: random(), actor: "journal")
    }

    private func close(_ key: ClaimKey, _ result: CompletionResult, as kind: String) async {
        switch result {
        case .stored:
            metrics.increment("tokenward_journal_settled_total", [("result", kind)])
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
