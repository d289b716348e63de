import Domain
import Synchronization

/// Stops requests from leaving while their answers could not be kept (PROTOCOL §3.4 "Gate").
///
/// Asked in libcurl's callback right before the request bytes, so it is a lock and a few comparisons.
final class SendGate: Sendable {
    private struct State {
        var commitFailed = false
        var readFailed = false
        var outstanding: [UInt64: ContinuousClock.Instant] = [:]
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
            guard !state.stopped, !state.commitFailed, !(journalled && state.journalFailed) else { return false }
            return !state.outstanding.values.contains { $0.duration(to: now) > Self.commitPatience }
        }
    }

    /// Whether to claim: as ``isOpen(journalled:)``, but after a failed commit the claim is what tries the database again.
    func mayClaim(journalled: Bool) -> Bool {
        let now = clock.now
        return state.withLock { state in
            guard !state.stopped, !(journalled && state.journalFailed) else { return false }
            return !state.outstanding.values.contains { $0.duration(to: now) > Self.commitPatience }
        }
    }

    /// Runs a transaction that writes and notes how it went.
    func watching<Value: Sendable>(_ transaction: () async throws -> Value) async throws -> Value {
        let start = clock.now
        let id = state.withLock { state in
            state.nextCommit += 1
            state.outstanding[state.nextCommit] = start
            return state.nextCommit
        }
        do {
            let value = try await transaction()
            state.withLock { state in
                state.outstanding[id] = nil
                state.commitFailed = false
                state.readFailed = false
            }
            return value
        } catch {
            state.withLock { state in
                state.outstanding[id] = nil
                state.commitFailed = true
            }
            throw error
        }
    }

    /// Runs a query; a database that answers it need not take commits, so that it never opens the gate.
    func reading<Value: Sendable>(_ query: () async throws -> Value) async throws -> Value {
        do {
            let value = try await query()
            state.withLock { $0.readFailed = false }
            return value
        } catch {
            state.withLock { $0.readFailed = true }
            throw error
        }
    }

    func journal(failed: Bool) { state.withLock { $0.journalFailed = failed } }

    func stop() { state.withLock { $0.stopped = true } }

    var isStopped: Bool { state.withLock { $0.stopped } }

    /// Whether the database's last answer was an error.
    var isDatabaseDown: Bool { state.withLock { $0.readFailed || $0.commitFailed } }

    /// Whether even queries fail: no row of a batch is to blame.
    var isDatabaseAway: Bool { state.withLock { $0.readFailed } }

    var isJournalDown: Bool { state.withLock { $0.journalFailed } }
}
