import Domain
import Synchronization

/// Stops requests from leaving while their answers could not be kept (PROTOCOL §3.4 "Gate").
///
/// Asked in libcurl's callback right before the request bytes, so it is a lock and a few comparisons.
final class SendGate: Sendable {
    private struct State {
        var databaseFailed = false
        var oldestCommit: [UInt64: ContinuousClock.Instant] = [:]
        var nextCommit: UInt64 = 0
        var journalFailed = false
        var stopped = false
    }

    /// A commit outstanding for longer closes the gate.
    static let commitPatience: Duration = .seconds(2)

    private let clock: any LocalClock
    private let state = Mutex(State())

    init(clock: any LocalClock) {
        self.clock = clock
    }

    /// Whether a request may leave now.
    func isOpen(journalled: Bool) -> Bool {
        let now = clock.now
        return state.withLock { state in
            guard !state.stopped, !state.databaseFailed, !(journalled && state.journalFailed) else { return false }
            return !state.oldestCommit.values.contains { $0.duration(to: now) > Self.commitPatience }
        }
    }

    /// Runs a transaction and notes how it went.
    func watching<Value: Sendable>(_ transaction: () async throws -> Value) async throws -> Value {
        let id = state.withLock { state in
            state.nextCommit += 1
            state.oldestCommit[state.nextCommit] = clock.now
            return state.nextCommit
        }
        do {
            let value = try await transaction()
            state.withLock { state in
                state.oldestCommit[id] = nil
                state.databaseFailed = false
            }
            return value
        } catch {
            state.withLock { state in
                state.oldestCommit[id] = nil
                state.databaseFailed = true
            }
            throw error
        }
    }

    func journal(failed: Bool) { state.withLock { $0.journalFailed = failed } }

    func stop() { state.withLock { $0.stopped = true } }

    var isStopped: Bool { state.withLock { $0.stopped } }

    /// Whether the last transaction of this replica failed.
    var isDatabaseDown: Bool { state.withLock { $0.databaseFailed } }

    var isJournalDown: Bool { state.withLock { $0.journalFailed } }
}
