import Domain
import FoundationEssentials
import Synchronization

/// Compares the database's clock with local time (PROTOCOL §4 Q1'', §10 "Clock event").
///
/// Fed by every claim and look at the schedule. Leases run by the database's clock; after it jumped they say nothing of
/// whether their holders still send.
final class ClockWatch: Sendable {
    static let tolerance: Duration = .seconds(5)
    /// How long a jump is remembered: no takeovers and no verdicts by clock meanwhile.
    static let eventLasts: Duration = .seconds(1800)
    /// A drift slower than the tolerance in this time is none.
    static let anchorLasts: Duration = .seconds(600)

    private struct State {
        /// Database time at `anchoredAt`, in seconds since 1970.
        var anchor: (database: Double, local: ContinuousClock.Instant)?
        var agreesSince: ContinuousClock.Instant?
        var jumpedAt: ContinuousClock.Instant?
    }

    private let clock: any LocalClock
    private let state = Mutex(State())

    init(clock: any LocalClock) {
        self.clock = clock
    }

    /// Notes an answer of the database that carries its time; true when its clock jumped.
    @discardableResult
    func heard(_ databaseTime: Date, askedAt: ContinuousClock.Instant) -> Bool {
        let now = clock.now
        let delay = askedAt.duration(to: now)
        // An answer that was itself under way for so long says nothing.
        guard delay >= .zero, delay <= Self.tolerance else { return false }
        let database = databaseTime.timeIntervalSince1970
        return state.withLock { state in
            guard let anchor = state.anchor else {
                state.anchor = (database, now)
                state.agreesSince = now
                return false
            }
            let passed = anchor.local.duration(to: now).seconds
            let isJump = abs(database - anchor.database - passed) > (Self.tolerance + delay).seconds
            if isJump {
                state.jumpedAt = now
                state.agreesSince = now
            }
            if isJump || passed > Self.anchorLasts.seconds { state.anchor = (database, now) }
            return isJump
        }
    }

    /// Whether the two clocks were seen to agree for at least this long.
    func agrees(for duration: Duration) -> Bool {
        let now = clock.now
        return state.withLock { state in
            state.agreesSince.map { $0.duration(to: now) >= duration } ?? false
        } && !isEventOpen
    }

    /// Whether the database's clock jumped a short while ago.
    var isEventOpen: Bool {
        let now = clock.now
        return state.withLock { state in
            state.jumpedAt.map { $0.duration(to: now) < Self.eventLasts } ?? false
        }
    }
}
