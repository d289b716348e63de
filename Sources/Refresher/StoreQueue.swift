import Domain
import FoundationEssentials

/// One end on its way into the database.
struct StoreRow: Sendable {
    var key: ClaimKey
    var end: AttemptEnd
    /// When its claim is due if the end itself is not accepted.
    var fallbackDueAt: Date?
    /// Nil for a claim that is given back after its end was not accepted.
    var continuation: CheckedContinuation<StoreBatcher.Settled, Never>?
    var tries = 0
    var notBefore: ContinuousClock.Instant?
    var isStripped = false

    init(_ attempt: FinishedAttempt, continuation: CheckedContinuation<StoreBatcher.Settled, Never>?) {
        key = attempt.claim.key
        end = attempt.end
        fallbackDueAt =
            attempt.claim.isParked
            ? nil : attempt.endedAt.addingTimeInterval(ProtocolTimes.ownFaultPause.seconds)
        self.continuation = continuation
    }

    private init(givingBack row: StoreRow) {
        key = row.key
        end = .release(dueAt: row.fallbackDueAt, code: "", message: "")
    }

    /// Q6 for a claim whose end was superseded or refused.
    var giveBack: StoreRow { StoreRow(givingBack: self) }

    var kind: Int {
        switch end {
        case .success: 0
        case .failure: 1
        case .release: 2
        case .inspection: 3
        }
    }

    var success: StoredSuccess? { if case .success(let row) = end { row } else { nil } }
    var failure: StoredFailure? { if case .failure(let row) = end { row } else { nil } }
    var inspection: StoredInspection? { if case .inspection(let row) = end { row } else { nil } }
    /// People may have to be told of it.
    var mayFlag: Bool { failure?.warning != nil || inspection != nil }
    var releaseDueAt: Date? { if case .release(let dueAt, _, _) = end { dueAt } else { nil } }

    /// A refused pair is tried once more with nothing but itself (PROTOCOL §4 "Data error").
    func willBeStripped(after result: CompletionResult) -> Bool {
        if case .refused = result { success != nil && !isStripped } else { false }
    }

    /// The same pair without the times and scopes that the database may have refused.
    var stripped: StoreRow {
        var row = self
        guard var success else { return row }
        success.accessExpiresAt = nil
        success.refreshExpiresAt = nil
        success.humanDeadlineAt = nil
        success.credential.scopes = []
        success.dueAt = fallbackDueAt
        row.end = .success(success)
        row.isStripped = true
        row.tries = 0
        return row
    }
}

/// Which ends are stored next; a value behind the batcher's lock.
struct StoreQueue: Sendable {
    enum Step: Sendable {
        case batch([StoreRow])
        /// Until a signal, or until then.
        case wait(ContinuousClock.Instant?)
        case end
    }

    private(set) var waiting: [StoreRow] = []
    /// Channels in a batch that is being stored: a channel is in one batch at a time.
    private var busy: Set<ChannelID> = []
    private var unstoredInFlight = 0
    private var abandoned = 0
    private var isClosed = false
    var isFinishing = false

    var unstored: Int { waiting.count { $0.kind != 2 } + unstoredInFlight + abandoned }

    /// False after ``close()``.
    mutating func put(_ row: StoreRow) -> Bool {
        guard !isClosed else {
            if row.kind != 2 { abandoned += 1 }
            return false
        }
        waiting.append(row)
        return true
    }

    /// At most one end of each channel, the one of its highest attempt; all of one kind; those that failed least first.
    mutating func next(at now: ContinuousClock.Instant) -> Step {
        var newest: [ChannelID: Int] = [:]
        var soonest: ContinuousClock.Instant?
        for (index, row) in waiting.enumerated() where !busy.contains(row.key.channelID) {
            if let notBefore = row.notBefore, notBefore > now {
                soonest = min(soonest ?? notBefore, notBefore)
                continue
            }
            if let other = newest[row.key.channelID], waiting[other].key.attempt >= row.key.attempt { continue }
            newest[row.key.channelID] = index
        }
        guard let lead = newest.values.min(by: { (waiting[$0].tries, $0) < (waiting[$1].tries, $1) }) else {
            if isFinishing, waiting.isEmpty, busy.isEmpty { return .end }
            return .wait(soonest)
        }
        let size = Self.batchSize(tries: waiting[lead].tries)
        let kind = waiting[lead].kind
        var chosen = newest.values.filter {
            waiting[$0].kind == kind && Self.batchSize(tries: waiting[$0].tries) == size
        }.sorted()
        if chosen.count > size { chosen.removeLast(chosen.count - size) }
        let batch = chosen.map { waiting[$0] }
        let taken = Set(chosen)
        waiting = waiting.indices.filter { !taken.contains($0) }.map { waiting[$0] }
        busy.formUnion(batch.map(\.key.channelID))
        if kind != 2 { unstoredInFlight += batch.count }
        return .batch(batch)
    }

    /// Whole batches first; then halved with each failure until a bad row is alone.
    static func batchSize(tries: Int) -> Int {
        tries < StoreBatcher.wholeTries
            ? StoreBatcher.batchMax : max(1, StoreBatcher.batchMax >> (tries - StoreBatcher.wholeTries + 1))
    }

    mutating func putBack(_ batch: [StoreRow], at now: ContinuousClock.Instant, countsTry: Bool) {
        leave(batch)
        for var row in batch {
            if countsTry { row.tries += 1 }
            if Self.batchSize(tries: row.tries) == 1 {
                // Alone, and still refused: it waits longer each time.
                let doublings = min(row.tries - StoreBatcher.wholeTries, 12)
                row.notBefore = now + min(.milliseconds(100 << doublings), StoreBatcher.rowPauseMax)
            }
            waiting.append(row)
        }
    }

    /// Takes a stored batch out; what was not accepted gives its claim back, or is tried once more with less.
    mutating func settle(_ batch: [StoreRow], _ results: [CompletionResult]) {
        leave(batch)
        for (row, result) in zip(batch, results) where result != .stored && row.kind != 2 {
            waiting.append(row.willBeStripped(after: result) ? row.stripped : row.giveBack)
        }
    }

    /// Nothing is taken any more; what is left is given up.
    mutating func close() -> [StoreRow] {
        defer { waiting = [] }
        isClosed = true
        abandoned += waiting.count { $0.kind != 2 }
        return waiting
    }

    private mutating func leave(_ batch: [StoreRow]) {
        busy.subtract(batch.map(\.key.channelID))
        if batch.first?.kind != 2 { unstoredInFlight -= batch.count }
    }
}
