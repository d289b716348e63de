import Domain
import FoundationEssentials
import Logging
import Synchronization

/// Gathers ends of attempts and stores them in batches, again and again until the database says yes (PROTOCOL §3.7).
///
/// A batch holds one kind of end and each channel once. While one is stored the next gathers, so that batches grow with
/// the load. Rows that fail while the database works for others end up alone, and delay nothing but themselves.
final class StoreBatcher: Sendable {
    /// What became of an end.
    enum Settled: Sendable, Equatable {
        case decided(CompletionResult)
        /// The process ends before the database took it; the journal keeps what it has.
        case abandoned
    }

    static let batchMax = 500
    /// Ends waiting to be stored beyond which nothing more is claimed.
    static let backlogMax = 4_000
    static let workers = 2
    /// Refusals of a batch after which it is halved with each further one.
    static let wholeTries = 3
    static let pauseMin: Duration = .milliseconds(100)
    static let pauseMax: Duration = .seconds(2)
    static let rowPauseMax: Duration = .seconds(30)

    private let store: any RefreshStore
    private let gate: SendGate
    private let news: WakeSignal
    private let clock: any LocalClock
    private let logger: Logger
    private let queue: Mutex<StoreQueue>
    private let signals: [WakeSignal] = (0..<StoreBatcher.workers).map { _ in WakeSignal() }

    /// - Parameter news: sent when an end that may flag a channel is stored.
    init(
        store: any RefreshStore, gate: SendGate, news: WakeSignal = WakeSignal(), clock: any LocalClock, logger: Logger
    ) {
        self.store = store
        self.gate = gate
        self.news = news
        self.clock = clock
        self.logger = logger
        queue = Mutex(StoreQueue())
    }

    var hasRoom: Bool { queue.withLock { $0.waiting.count < Self.backlogMax } }

    /// Ends that are not stored, those given up included; claims to be given back do not count.
    var backlog: Int { queue.withLock { $0.unstored } }

    /// Returns when the database has decided; cancellation of the caller does not take it back.
    func submit(_ attempt: FinishedAttempt) async -> Settled {
        await withCheckedContinuation { continuation in
            let isTaken = queue.withLock { $0.put(StoreRow(attempt, continuation: continuation)) }
            if isTaken { wake() } else { continuation.resume(returning: .abandoned) }
        }
    }

    /// No more will be submitted: the workers end when all is stored.
    func finish() {
        queue.withLock { $0.isFinishing = true }
        wake()
    }

    private func wake() {
        for signal in signals { signal.send() }
    }

    /// Stores until ``finish()`` and nothing is left; cancelled, it gives up what the database did not take.
    func run() async {
        await withDiscardingTaskGroup { group in
            for worker in 0..<Self.workers {
                group.addTask { await self.work(signal: self.signals[worker]) }
            }
        }
        let left = queue.withLock { $0.close() }
        for row in left { row.continuation?.resume(returning: .abandoned) }
    }

    private func work(signal: WakeSignal) async {
        var pause = Self.pauseMin
        while !Task.isCancelled {
            let now = clock.now
            switch queue.withLock({ $0.next(at: now) }) {
            case .end:
                return
            case .wait(let until):
                if let until {
                    await signal.wait(atMost: now.duration(to: until), clock: clock)
                } else {
                    await signal.next()
                }
            case .batch(let batch):
                if await store(batch) {
                    pause = Self.pauseMin
                } else {
                    guard (try? await clock.sleep(for: pause)) != nil else { return }
                    pause = min(pause * 2, Self.pauseMax)
                }
                wake()
            }
        }
    }

    /// Stores one batch and answers its waiters; false when the database did not decide.
    private func store(_ batch: [StoreRow]) async -> Bool {
        let results: [CompletionResult]
        do {
            results = try await gate.watching { try await write(batch) }
        } catch {
            logger.warning(
                "answers wait for the database",
                metadata: ["event": "store.failed", "count": "\(batch.count)", "error": "\(error)"])
            let now = clock.now
            // While not even queries work, no row is to blame.
            queue.withLock { $0.putBack(batch, at: now, countsTry: !gate.isDatabaseAway) }
            return false
        }
        queue.withLock { $0.settle(batch, results) }
        if batch.contains(where: \.mayFlag) { news.send() }
        for (row, result) in zip(batch, results) where !row.willBeStripped(after: result) {
            row.continuation?.resume(returning: .decided(result))
        }
        return true
    }

    private func write(_ batch: [StoreRow]) async throws -> [CompletionResult] {
        switch batch[0].end {
        case .success:
            return try await store.complete(batch.compactMap(\.success))
        case .failure:
            return try await store.complete(batch.compactMap(\.failure))
        case .inspection:
            return try await store.complete(batch.compactMap(\.inspection))
        case .release:
            try await store.release(batch.map { ($0.key, $0.releaseDueAt) })
            return batch.map { _ in .stored }
        }
    }
}
