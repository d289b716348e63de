import Testing

@testable import Postgres

/// Time as the tests count it.
private struct Tick: InstantProtocol {
    var offset: Duration

    func advanced(by duration: Duration) -> Tick { Tick(offset: offset + duration) }
    func duration(to other: Tick) -> Duration { other.offset - offset }
    static func < (left: Tick, right: Tick) -> Bool { left.offset < right.offset }
    static func at(_ seconds: Double) -> Tick { Tick(offset: .seconds(seconds)) }
}

private typealias Machine = PoolStateMachine<Tick>
private typealias Action = Machine.Action

@Suite struct `Pool state machine` {
    private static let refused = PostgresError.connect("refused.")

    private static func machine(size: Int = 2, waitersMax: Int = 3) -> Machine {
        Machine(
            .init(
                size: size, waitersMax: waitersMax, acquireTimeout: .seconds(10), idleTimeout: .seconds(60),
                backoff: .seconds(1)...(.seconds(4))))
    }

    /// A machine with one connection, idle since 0.
    private static func machineWithIdle() -> (Machine, Machine.ConnectionID) {
        var machine = machine()
        let waiter = machine.newWaiter()
        let connection = opened(machine.acquire(waiter, now: .at(0)))
        _ = machine.connected(connection, now: .at(0))
        _ = machine.release(connection, isUsable: true, now: .at(0))
        return (machine, connection)
    }

    private static func opened(_ actions: [Action]) -> Machine.ConnectionID {
        for case .connect(let connection) in actions { return connection }
        return Machine.ConnectionID(number: 0)
    }

    @Test func `the first caller opens a connection and gets it`() {
        var machine = Self.machine()
        let waiter = machine.newWaiter()
        let actions = machine.acquire(waiter, now: .at(0))
        let connection = Self.opened(actions)
        #expect(actions == [.connect(connection), .wake(.at(10))])
        #expect(machine.connected(connection, now: .at(1)) == [.lease(connection, waiter)])
    }

    @Test func `an idle connection is given at once, the latest first`() {
        var (machine, first) = Self.machineWithIdle()
        let (one, two, three) = (machine.newWaiter(), machine.newWaiter(), machine.newWaiter())
        #expect(machine.acquire(one, now: .at(1)) == [.lease(first, one)])
        let second = Self.opened(machine.acquire(two, now: .at(1)))
        _ = machine.connected(second, now: .at(1))
        _ = machine.release(second, isUsable: true, now: .at(2))
        _ = machine.release(first, isUsable: true, now: .at(3))
        #expect(machine.acquire(three, now: .at(4)).first == .lease(first, three))
    }

    @Test func `callers are served in order and no connection is opened beyond the size`() {
        var machine = Self.machine(size: 1)
        let waiters = (0..<3).map { _ in machine.newWaiter() }
        let connection = Self.opened(machine.acquire(waiters[0], now: .at(0)))
        #expect(machine.acquire(waiters[1], now: .at(0)) == [])
        #expect(machine.acquire(waiters[2], now: .at(0)) == [])
        #expect(machine.connected(connection, now: .at(1)) == [.lease(connection, waiters[0])])
        #expect(machine.release(connection, isUsable: true, now: .at(2)) == [.lease(connection, waiters[1])])
        #expect(machine.release(connection, isUsable: true, now: .at(3)) == [.lease(connection, waiters[2])])
    }

    @Test func `callers beyond the bound are refused`() {
        var machine = Self.machine(size: 1, waitersMax: 1)
        _ = machine.acquire(machine.newWaiter(), now: .at(0))
        let waiter = machine.newWaiter()
        #expect(
            machine.acquire(waiter, now: .at(0)) == [.fail(waiter, .exhausted("1 callers wait for one already."))])
    }

    @Test func `a caller that waited too long fails, later ones wait on`() {
        var machine = Self.machine(size: 1)
        let (holder, early, late) = (machine.newWaiter(), machine.newWaiter(), machine.newWaiter())
        let connection = Self.opened(machine.acquire(holder, now: .at(0)))
        _ = machine.connected(connection, now: .at(0))
        _ = machine.acquire(early, now: .at(1))
        _ = machine.acquire(late, now: .at(5))
        #expect(machine.tick(now: .at(10)) == [.wake(.at(11))])
        #expect(
            machine.tick(now: .at(11)) == [
                .fail(early, .exhausted("all 1 stayed in use for 10.0 seconds.")), .wake(.at(15)),
            ])
        #expect(machine.release(connection, isUsable: true, now: .at(12)) == [.lease(connection, late)])
    }

    @Test func `a failed attempt fails all who wait, and those who ask during the backoff`() {
        var machine = Self.machine()
        let (one, two, three, four) = (
            machine.newWaiter(), machine.newWaiter(), machine.newWaiter(), machine.newWaiter()
        )
        let first = Self.opened(machine.acquire(one, now: .at(0)))
        let second = Self.opened(machine.acquire(two, now: .at(0)))
        #expect(machine.connectFailed(first, Self.refused, jitter: 1, now: .at(0)) == [.wake(.at(1))])
        #expect(
            machine.connectFailed(second, Self.refused, jitter: 0.5, now: .at(0))
                == [.fail(one, Self.refused), .fail(two, Self.refused)])
        #expect(machine.acquire(three, now: .at(0.9)) == [.fail(three, Self.refused)])
        // Two failures: 2 s × 0.5.
        let again = Self.opened(machine.acquire(four, now: .at(1)))
        #expect(machine.connected(again, now: .at(1)) == [.lease(again, four)])
    }

    @Test(arguments: [(1, 1.0), (2, 2.0), (3, 4.0), (4, 4.0), (40, 4.0)])
    func `the backoff doubles up to its bound`(failures: Int, pause: Double) {
        var machine = Self.machine(size: 1)
        var now = 0.0
        for _ in 0..<failures {
            now += 100
            let waiter = machine.newWaiter()
            let connection = Self.opened(machine.acquire(waiter, now: .at(now)))
            _ = machine.connectFailed(connection, Self.refused, jitter: 1, now: .at(now))
        }
        let (early, late) = (machine.newWaiter(), machine.newWaiter())
        #expect(machine.acquire(early, now: .at(now + pause - 0.001)) == [.fail(early, Self.refused)])
        let actions = machine.acquire(late, now: .at(now + pause))
        #expect(actions.contains { if case .connect = $0 { true } else { false } })
    }

    @Test func `during the backoff callers wait while a connection in use may come back`() {
        var (machine, connection) = Self.machineWithIdle()
        let (holder, waiter, late) = (machine.newWaiter(), machine.newWaiter(), machine.newWaiter())
        _ = machine.acquire(holder, now: .at(1))
        let attempt = Self.opened(machine.acquire(waiter, now: .at(1)))
        #expect(machine.connectFailed(attempt, Self.refused, jitter: 1, now: .at(1)) == [.wake(.at(2))])
        #expect(machine.acquire(late, now: .at(1)) == [])
        // It comes back broken: nobody else can help before the next attempt.
        #expect(
            machine.release(connection, isUsable: false, now: .at(1.5))
                == [.close(connection), .fail(waiter, Self.refused), .fail(late, Self.refused)])
    }

    @Test func `after the backoff one attempt is made for those who wait`() {
        var (machine, _) = Self.machineWithIdle()
        let waiters = (0..<3).map { _ in machine.newWaiter() }
        _ = machine.acquire(waiters[0], now: .at(1))
        let attempt = Self.opened(machine.acquire(waiters[1], now: .at(1)))
        _ = machine.acquire(waiters[2], now: .at(1))
        _ = machine.connectFailed(attempt, Self.refused, jitter: 1, now: .at(1))
        let again = Self.opened(machine.tick(now: .at(2)))
        #expect(again != attempt)
        #expect(machine.standing == PoolStanding(inUse: 1, idle: 0, connecting: 1, waiting: 2))
        #expect(machine.connected(again, now: .at(2)) == [.lease(again, waiters[1])])
    }

    @Test func `a broken connection is closed and replaced for who waits`() {
        var machine = Self.machine(size: 1)
        let (holder, waiter) = (machine.newWaiter(), machine.newWaiter())
        let connection = Self.opened(machine.acquire(holder, now: .at(0)))
        _ = machine.connected(connection, now: .at(0))
        _ = machine.acquire(waiter, now: .at(0))
        // Its place is free only when it is closed.
        #expect(machine.release(connection, isUsable: false, now: .at(1)) == [.close(connection)])
        let other = Self.opened(machine.closed(connection, now: .at(2)))
        #expect(machine.connected(other, now: .at(3)) == [.lease(other, waiter)])
    }

    @Test func `idle connections are closed after their time`() {
        var (machine, connection) = Self.machineWithIdle()
        #expect(machine.tick(now: .at(10)) == [.wake(.at(60))])
        #expect(machine.tick(now: .at(60)) == [.close(connection)])
        #expect(machine.standing == PoolStanding(inUse: 0, idle: 0, connecting: 0, waiting: 0))
    }

    @Test func `a caller that gave up is not served`() {
        var machine = Self.machine(size: 1)
        let (gone, next) = (machine.newWaiter(), machine.newWaiter())
        let connection = Self.opened(machine.acquire(gone, now: .at(0)))
        _ = machine.acquire(next, now: .at(0))
        #expect(machine.cancel(gone) == true)
        #expect(machine.cancel(gone) == false)
        #expect(machine.connected(connection, now: .at(1)) == [.lease(connection, next)])
        #expect(machine.cancel(next) == false)
    }

    @Test func `closing fails waiters, closes idle ones and waits for those in use`() {
        var (machine, idle) = Self.machineWithIdle()
        let (holder, waiter, late) = (machine.newWaiter(), machine.newWaiter(), machine.newWaiter())
        _ = machine.acquire(holder, now: .at(1))
        let connecting = Self.opened(machine.acquire(waiter, now: .at(1)))
        #expect(machine.close() == [.fail(waiter, .poolClosed)])
        #expect(machine.close() == [])
        #expect(machine.acquire(late, now: .at(2)) == [.fail(late, .poolClosed)])
        #expect(machine.connected(connecting, now: .at(2)) == [.close(connecting)])
        #expect(machine.release(idle, isUsable: true, now: .at(3)) == [.close(idle)])
        #expect(machine.closed(connecting, now: .at(4)) == [])
        #expect(machine.closed(idle, now: .at(4)) == [.finish])
    }

    @Test func `closing an empty pool, or one whose attempt then fails, finishes it`() {
        var empty = Self.machine()
        #expect(empty.close() == [.finish])
        var machine = Self.machine()
        let connecting = Self.opened(machine.acquire(machine.newWaiter(), now: .at(0)))
        _ = machine.close()
        #expect(machine.connectFailed(connecting, Self.refused, jitter: 1, now: .at(1)) == [.finish])
    }
}
