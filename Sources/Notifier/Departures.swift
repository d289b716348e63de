import Domain
import Synchronization

/// Room for deliveries on their way, and those that the relay claimed as it made them and the dispatcher has yet to send.
package final class Departures: Sendable {
    typealias Ready = (delivery: ClaimedDelivery, claimedAt: ContinuousClock.Instant)

    private struct State {
        let capacity: Int
        var room: Int
        var ready: [Ready] = []
        var isClosed = false
        /// More could be claimed when one ends.
        var isShort = true
        /// Somebody waits until no more than so many are on their way.
        var awaited: Int?

        var onTheirWay: Int { capacity - room }
    }

    private let state: Mutex<State>
    private let limits: DeliveryLimits
    private let render: ClaimTerms.Rendering
    private let wake: WakeSignal
    private let handedOver = WakeSignal()
    private let settled = WakeSignal()

    /// - Parameter wake: the dispatcher's: sent when there is room again for what a claim had to leave.
    init(room: Int, limits: DeliveryLimits, wake: WakeSignal, render: @escaping ClaimTerms.Rendering) {
        state = Mutex(State(capacity: room, room: room))
        self.limits = limits
        self.wake = wake
        self.render = render
    }

    /// Terms of a claim of at most `wanted`, for which room is kept until it is given back; nil when there is none.
    func terms(atMost wanted: Int) -> ClaimTerms? {
        let taken = state.withLock { state in
            let taken = state.isClosed ? 0 : min(wanted, state.room)
            state.room -= taken
            return taken
        }
        return taken > 0 ? ClaimTerms(limit: taken, limits: limits, render: render) : nil
    }

    /// Room that a claim did not need.
    func giveBack(_ room: Int) {
        state.withLock { $0.room += room }
    }

    /// A delivery is over.
    ///
    /// - Parameter isDue: it was given back unsent.
    func end(isDue: Bool) {
        let (wakes, isSettled) = state.withLock { state in
            state.room += 1
            let isSettled = state.awaited.map { state.onTheirWay <= $0 } ?? false
            if isSettled { state.awaited = nil }
            return (isDue || state.isShort, isSettled)
        }
        if wakes { wake.send() }
        if isSettled { settled.send() }
    }

    /// Returns when no more than `count` are on their way, or after `limit`; one task waits at a time.
    func settle(to count: Int, within limit: Duration, clock: any LocalClock) async {
        let isSettled = state.withLock { state in
            state.awaited = state.onTheirWay <= count ? nil : count
            return state.awaited == nil
        }
        if !isSettled { await settled.wait(atMost: limit, clock: clock) }
    }

    /// - Parameter isShort: whether the end of a delivery is a reason to claim again.
    func expect(isShort: Bool) {
        state.withLock { $0.isShort = isShort }
    }

    /// - Returns: false when nobody sends them any more.
    func enter(_ batch: DeliveryBatch) -> Bool {
        let isOpen = state.withLock { state in
            if !state.isClosed { state.ready += batch.deliveries.map { ($0, batch.sentAt) } }
            return !state.isClosed
        }
        if isOpen { handedOver.send() }
        return isOpen
    }

    /// Nothing enters after this.
    func close() {
        state.withLock { $0.isClosed = true }
        handedOver.send()
    }

    /// Waits for what the relay hands over; nil after ``close()``, when nothing is left.
    func next() async -> [Ready]? {
        while true {
            let (ready, isClosed) = state.withLock { state in
                defer { state.ready = [] }
                return (state.ready, state.isClosed)
            }
            if !ready.isEmpty { return ready }
            guard !isClosed, !Task.isCancelled else { return nil }
            await handedOver.next()
        }
    }
}
