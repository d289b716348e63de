import Domain
import FoundationEssentials
import Logging
import Synchronization

/// Gathers ends of attempts and stores them in batches, again and again until the database says yes (PROTOCOL §3.7).
final class StoreBatcher: Sendable {
    static let batchMax = 500
    /// Ends waiting to be stored beyond which nothing more is claimed.
    static let backlogMax = 4_000
    static let workers = 2

    private struct Waiting {
        var attempt: FinishedAttempt
        var continuation: CheckedContinuation<CompletionResult, Never>
    }

    private struct State {
        var waiting: [Waiting] = []
        /// Channels in a batch that is being stored: a channel is in one batch at a time.
        var busy: Set<ChannelID> = []
        var isFinishing = false
    }

    private let store: any RefreshStore
    private let gate: SendGate
    private let clock: any LocalClock
    private let logger: Logger
    private let state = Mutex(State())
    private let signals: [WakeSignal] = (0..<StoreBatcher.workers).map { _ in WakeSignal() }

    init(store: any RefreshStore, gate: SendGate, clock: any LocalClock, logger: Logger) {
        self.store = store
        self.gate = gate
        self.clock = clock
        self.logger = logger
    }

    var hasRoom: Bool { state.withLock { $0.waiting.count < Self.backlogMax } }

    var backlog: Int { state.withLock { $0.waiting.count + $0.busy.count } }

    /// Returns when the database has decided; cancellation of the caller does not take it back.
    func submit(_ attempt: FinishedAttempt) async -> CompletionResult {
        await withCheckedContinuation { continuation in
            state.withLock { $0.waiting.append(Waiting(attempt: attempt, continuation: continuation)) }
            wake()
        }
    }

    /// No more will be submitted: the workers end when all is stored.
    func finish() {
        state.withLock { $0.isFinishing = true }
        wake()
    }

    private func wake() {
        for signal in signals { signal.send() }
    }

    /// Stores until ``finish()`` and nothing is left.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<Self.workers {
                group.addTask { await self.work(signals: worker) }
            }
        }
    }

    private func work(signals worker: Int) async {
        while true {
            let batch = takeBatch()
            if batch.isEmpty {
                if state.withLock({ $0.isFinishing && $0.waiting.isEmpty }) { return }
                await signals[worker].next()
                if Task.isCancelled { return }
                continue
            }
            let results = await storeUntilAccepted(batch.map(\.attempt))
            state.withLock { state in
                for waiting in batch { state.busy.remove(waiting.attempt.claim.channelID) }
            }
            for (waiting, result) in zip(batch, results) { waiting.continuation.resume(returning: result) }
            wake()
        }
    }

    /// At most one end of each channel; the one of the highest attempt first.
    private func takeBatch() -> [Waiting] {
        state.withLock { state in
            var batch: [Waiting] = []
            var left: [Waiting] = []
            for waiting in state.waiting {
                let channel = waiting.attempt.claim.channelID
                if batch.count < Self.batchMax, state.busy.insert(channel).inserted {
                    batch.append(waiting)
                } else {
                    left.append(waiting)
                }
            }
            state.waiting = left
            return batch
        }
    }

    private func storeUntilAccepted(_ attempts: [FinishedAttempt]) async -> [CompletionResult] {
        var pause: Duration = .milliseconds(100)
        while true {
            do {
                return try await gate.watching { try await store(attempts) }
            } catch {
                logger.warning(
                    "answers wait for the database",
                    metadata: ["event": "store.failed", "count": "\(attempts.count)", "error": "\(error)"])
                // A graceful stop waits here; only the end of its grace cancels. The journal keeps what is not stored.
                guard (try? await clock.sleep(for: pause)) != nil else {
                    return attempts.map { _ in .refused("stopped before the database could store it") }
                }
                pause = min(pause * 2, .seconds(2))
            }
        }
    }

    private func store(_ attempts: [FinishedAttempt]) async throws -> [CompletionResult] {
        var results = [CompletionResult](repeating: .stored, count: attempts.count)
        var successes: [(index: Int, row: StoredSuccess)] = []
        var failures: [(index: Int, row: StoredFailure)] = []
        var releases: [(key: ClaimKey, dueAt: Date?)] = []
        for (index, attempt) in attempts.enumerated() {
            switch attempt.end {
            case .success(let row): successes.append((index, row))
            case .failure(let row): failures.append((index, row))
            case .release(let dueAt, _, _): releases.append((attempt.claim.key, dueAt))
            }
        }
        if !successes.isEmpty {
            let stored = try await store.complete(successes.map(\.row))
            for (success, result) in zip(successes, stored) { results[success.index] = result }
        }
        if !failures.isEmpty {
            let stored = try await store.complete(failures.map(\.row))
            for (failure, result) in zip(failures, stored) { results[failure.index] = result }
        }
        // Also superseded and refused claims give their lease back (Q6).
        for (index, result) in results.enumerated() where result != .stored {
            releases.append((attempts[index].claim.key, Date().addingTimeInterval(60)))
        }
        if !releases.isEmpty { try await store.release(releases) }
        return results
    }
}
