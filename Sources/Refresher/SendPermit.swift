import Domain
import Synchronization

/// The last check before the request bytes, asked once by the transfer (PROTOCOL §3.4).
final class SendPermit: Sendable {
    private struct State {
        var grantedAt: ContinuousClock.Instant?
        var isRefused = false
    }

    private let deadline: ContinuousClock.Instant
    private let gate: SendGate
    private let clock: any LocalClock
    private let isJournalled: Bool
    private let state = Mutex(State())

    /// - Parameter deadline: the last moment at which the transfer can still end within its lease.
    init(deadline: ContinuousClock.Instant, gate: SendGate, clock: any LocalClock, isJournalled: Bool) {
        self.deadline = deadline
        self.gate = gate
        self.clock = clock
        self.isJournalled = isJournalled
    }

    /// Whether it makes sense to open a connection at all.
    var isPossible: Bool { clock.now <= deadline && gate.isOpen(journalled: isJournalled) }

    /// True once; a second request on the wire would present the token twice.
    func grant() -> Bool {
        let isPossible = isPossible
        let now = clock.now
        return state.withLock { state in
            guard isPossible, state.grantedAt == nil else {
                state.isRefused = true
                return false
            }
            state.grantedAt = now
            return true
        }
    }

    /// When the request was let go; nil: nothing left.
    var grantedAt: ContinuousClock.Instant? { state.withLock { $0.grantedAt } }

    var wasRefused: Bool { state.withLock { $0.isRefused } }
}
