/// Who holds which connection and who waits for one.
///
/// Pure: told what happened and when, it says what to do.
///
/// Connections are made when somebody waits, at most `size`; the most recently used idle one is taken first, so that
/// the others age and are closed. After a failed attempt there is none for a while (backoff); whoever asks meanwhile
/// gets that failure at once, unless a connection in use may yet come back.
struct PoolStateMachine<Instant: InstantProtocol> where Instant.Duration == Duration {
    struct ConnectionID: Hashable { let number: UInt64 }
    struct WaiterID: Hashable { let number: UInt64 }

    struct Settings {
        var size: Int
        var waitersMax: Int
        var acquireTimeout: Duration
        var idleTimeout: Duration
        /// First and longest pause after failed attempts; it doubles in between.
        var backoff: ClosedRange<Duration> = .milliseconds(50)...(.seconds(2))
    }

    enum Action: Equatable {
        /// Open a connection, then call ``connected(_:now:)`` or ``connectFailed(_:_:jitter:now:)``.
        case connect(ConnectionID)
        case lease(ConnectionID, WaiterID)
        case fail(WaiterID, PostgresError)
        /// Close a connection, then call ``closed(_:)``.
        case close(ConnectionID)
        /// Call ``tick(now:)`` then.
        case wake(Instant)
        /// Nothing is left after ``close()``.
        case finish
    }

    private struct Waiter {
        let id: WaiterID
        let deadline: Instant
    }

    private struct Idle {
        let id: ConnectionID
        let since: Instant
    }

    private let settings: Settings
    private var connecting: Set<ConnectionID> = []
    private var leased: Set<ConnectionID> = []
    private var closing: Set<ConnectionID> = []
    /// Least recently used first.
    private var idle: [Idle] = []
    /// In order of arrival, which is the order of their deadlines.
    private var waiters: [Waiter] = []
    private var failures = 0
    private var lastFailure: PostgresError?
    private var retryAt: Instant?
    private var wakeAt: Instant?
    private var isClosing = false
    private var isFinished = false
    private var numbers: UInt64 = 0

    init(_ settings: Settings) {
        self.settings = settings
    }

    var standing: PoolStanding {
        PoolStanding(
            inUse: leased.count, idle: idle.count, connecting: connecting.count, waiting: waiters.count)
    }

    private var total: Int { connecting.count + leased.count + closing.count + idle.count }

    mutating func newWaiter() -> WaiterID {
        numbers += 1
        return WaiterID(number: numbers)
    }

    /// A caller asks for a connection.
    mutating func acquire(_ waiter: WaiterID, now: Instant) -> [Action] {
        if isClosing { return [.fail(waiter, .poolClosed)] }
        guard waiters.count < settings.waitersMax else {
            return [.fail(waiter, .exhausted("\(settings.waitersMax) callers wait for one already."))]
        }
        waiters.append(Waiter(id: waiter, deadline: now.advanced(by: settings.acquireTimeout)))
        return serve(now: now)
    }

    /// A waiting caller gave up; false when it was served or failed before.
    mutating func cancel(_ waiter: WaiterID) -> Bool {
        guard let index = waiters.firstIndex(where: { $0.id == waiter }) else { return false }
        waiters.remove(at: index)
        return true
    }

    mutating func connected(_ connection: ConnectionID, now: Instant) -> [Action] {
        connecting.remove(connection)
        failures = 0
        retryAt = nil
        lastFailure = nil
        return park(connection, now: now)
    }

    /// - Parameter jitter: 0.5…1, so that many pools do not come back together.
    mutating func connectFailed(
        _ connection: ConnectionID, _ error: PostgresError, jitter: Double, now: Instant
    ) -> [Action] {
        connecting.remove(connection)
        lastFailure = error
        let pause = settings.backoff.lowerBound * (1 << min(failures, 20))
        failures += 1
        retryAt = now.advanced(by: min(pause, settings.backoff.upperBound) * jitter)
        if isClosing { return finishIfEmpty() }
        return serve(now: now)
    }

    /// A caller gives a connection back; an unusable one is closed.
    mutating func release(_ connection: ConnectionID, isUsable: Bool, now: Instant) -> [Action] {
        leased.remove(connection)
        if isUsable { return park(connection, now: now) }
        closing.insert(connection)
        return [.close(connection)] + (isClosing ? [] : serve(now: now))
    }

    mutating func closed(_ connection: ConnectionID, now: Instant) -> [Action] {
        closing.remove(connection)
        return isClosing ? finishIfEmpty() : serve(now: now)
    }

    /// Time has passed: callers that waited too long fail, idle connections are closed, attempts are repeated.
    mutating func tick(now: Instant) -> [Action] {
        if isClosing { return [] }
        if let at = wakeAt, at <= now { wakeAt = nil }
        var actions: [Action] = []
        while let waiter = waiters.first, waiter.deadline <= now {
            waiters.removeFirst()
            let error = lastFailure ?? .exhausted("all \(settings.size) stayed in use for \(settings.acquireTimeout).")
            actions.append(.fail(waiter.id, error))
        }
        while let oldest = idle.first, oldest.since.advanced(by: settings.idleTimeout) <= now {
            idle.removeFirst()
            closing.insert(oldest.id)
            actions.append(.close(oldest.id))
        }
        return actions + serve(now: now)
    }

    /// Refuses callers from now on; connections in use are closed when they come back.
    mutating func close() -> [Action] {
        guard !isClosing else { return [] }
        isClosing = true
        var actions: [Action] = waiters.map { .fail($0.id, .poolClosed) }
        waiters = []
        for connection in idle {
            closing.insert(connection.id)
            actions.append(.close(connection.id))
        }
        idle = []
        return actions + finishIfEmpty()
    }

    private mutating func park(_ connection: ConnectionID, now: Instant) -> [Action] {
        if isClosing {
            closing.insert(connection)
            return [.close(connection)]
        }
        idle.append(Idle(id: connection, since: now))
        return serve(now: now)
    }

    /// Gives idle connections to waiters, opens as many as still wait, and sets the alarm.
    private mutating func serve(now: Instant) -> [Action] {
        var actions: [Action] = []
        while !waiters.isEmpty, let connection = idle.popLast() {
            leased.insert(connection.id)
            actions.append(.lease(connection.id, waiters.removeFirst().id))
        }
        if let at = retryAt, at > now {
            if leased.isEmpty, connecting.isEmpty, let failure = lastFailure {
                actions += waiters.map { .fail($0.id, failure) }
                waiters = []
            }
        } else {
            // After a failure one attempt at a time tells enough.
            let attemptsMax = failures > 0 ? 1 : waiters.count
            while connecting.count < min(attemptsMax, waiters.count), total < settings.size {
                numbers += 1
                connecting.insert(ConnectionID(number: numbers))
                actions.append(.connect(ConnectionID(number: numbers)))
            }
        }
        return actions + alarm(now: now)
    }

    private mutating func alarm(now: Instant) -> [Action] {
        let retry = retryAt.flatMap { !waiters.isEmpty && $0 > now ? $0 : nil }
        let times = [waiters.first?.deadline, retry, idle.first?.since.advanced(by: settings.idleTimeout)]
        guard let next = times.compactMap({ $0 }).min(), wakeAt.map({ next < $0 }) ?? true else { return [] }
        wakeAt = next
        return [.wake(next)]
    }

    private mutating func finishIfEmpty() -> [Action] {
        guard total == 0, !isFinished else { return [] }
        isFinished = true
        return [.finish]
    }
}

/// How a pool stands, for metrics and readiness.
package struct PoolStanding: Sendable, Equatable {
    package var inUse: Int
    package var idle: Int
    package var connecting: Int
    package var waiting: Int

    package init(inUse: Int, idle: Int, connecting: Int, waiting: Int) {
        self.inUse = inUse
        self.idle = idle
        self.connecting = connecting
        self.waiting = waiting
    }
}
