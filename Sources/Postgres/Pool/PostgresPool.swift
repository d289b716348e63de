import Synchronization

/// Connections shared by many callers; ``run()`` must be running for anybody to get one.
package final class PostgresPool: Sendable {
    private typealias Machine = PoolStateMachine<ContinuousClock.Instant>

    private struct Lease {
        let id: Machine.ConnectionID
        let connection: PostgresConnection
    }

    private struct State {
        var machine: Machine
        var connections: [Machine.ConnectionID: PostgresConnection] = [:]
        var waiters: [Machine.WaiterID: CheckedContinuation<Lease, any Error>] = [:]
    }

    package let configuration: PostgresConfiguration
    private let state: Mutex<State>
    private let work = PoolWork()

    /// Opens nothing yet: connections are made when they are asked for.
    package init(configuration: PostgresConfiguration) {
        self.configuration = configuration
        state = Mutex(
            State(
                machine: Machine(
                    .init(
                        size: max(1, configuration.size), waitersMax: configuration.waitersMax,
                        acquireTimeout: configuration.acquireTimeout, idleTimeout: configuration.idleTimeout))))
    }

    /// Opens, closes and times connections until ``close()`` was called, or the task is cancelled, and every connection
    /// has come back and is closed.
    package func run() async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                loop: while true {
                    switch await work.next() {
                    case .connect(let id): group.addTask { await self.connect(id) }
                    case .close(let id, let connection):
                        group.addTask {
                            await connection.close()
                            self.change { $0.machine.closed(id, now: .now) }
                        }
                    case .wake(let instant):
                        group.addTask {
                            try? await ContinuousClock().sleep(until: instant)
                            self.change { $0.machine.tick(now: .now) }
                        }
                    case .finish: break loop
                    }
                }
                group.cancelAll()
            }
        } onCancel: {
            close()
        }
    }

    /// Refuses callers from now on and lets those that have a connection finish; ``run()`` returns after the last one.
    package func close() {
        change { $0.machine.close() }
    }

    /// Runs `body` with a pool that lives just as long.
    @discardableResult
    package static func with<Value: Sendable>(
        _ configuration: PostgresConfiguration, _ body: (PostgresPool) async throws -> Value
    ) async throws -> Value {
        let pool = PostgresPool(configuration: configuration)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await pool.run() }
            defer { pool.close() }
            return try await body(pool)
        }
    }

    package func standing() -> PoolStanding {
        state.withLock { $0.machine.standing }
    }

    /// Runs `body` with a connection of its own, on that connection's thread.
    ///
    /// It must not be used after `body` has returned.
    ///
    /// - Throws: what `body` throws; `connect` at once when the database cannot be reached, `exhausted` after
    ///   `acquireTimeout`, `poolClosed`, `cancelled`.
    @discardableResult
    package func withConnection<Value: Sendable>(
        _ body: @Sendable (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        while true {
            let lease = try await acquire()
            defer { release(lease) }
            if let value = try await lease.connection.ifAlive(body) { return value }
        }
    }

    /// Runs `body` in a transaction; see ``PostgresConnection/transaction(_:)``.
    @discardableResult
    package func transaction<Value: Sendable>(
        _ body: @Sendable (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        try await withConnection { try await $0.transaction(body) }
    }

    private func acquire() async throws -> Lease {
        let waiter = state.withLock { $0.machine.newWaiter() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                change { state in
                    state.waiters[waiter] = continuation
                    // A cancellation before this point was not seen by `onCancel`.
                    return Task.isCancelled
                        ? [.fail(waiter, .cancelled)] : state.machine.acquire(waiter, now: .now)
                }
            }
        } onCancel: {
            change { $0.machine.cancel(waiter) ? [.fail(waiter, .cancelled)] : [] }
        }
    }

    private func release(_ lease: Lease) {
        // A session with an open transaction is not worth a round trip to clean.
        let isUsable = lease.connection.standing == .idle
        change { $0.machine.release(lease.id, isUsable: isUsable, now: .now) }
    }

    private func connect(_ id: Machine.ConnectionID) async {
        do {
            let connection = try await PostgresConnection.connect(configuration)
            change { state in
                state.connections[id] = connection
                return state.machine.connected(id, now: .now)
            }
        } catch {
            let jitter = Double.random(in: 0.5...1)
            change { $0.machine.connectFailed(id, error, jitter: jitter, now: .now) }
        }
    }

    /// Changes the state and does what it asks for; continuations are resumed outside the lock.
    private func change(_ body: (inout sending State) -> [Machine.Action]) {
        let resumptions = state.withLock { state in
            body(&state).compactMap { perform($0, &state) }
        }
        for resume in resumptions { resume() }
    }

    private func perform(_ action: Machine.Action, _ state: inout State) -> (@Sendable () -> Void)? {
        switch action {
        case .connect(let id): work.add(.connect(id))
        case .wake(let instant): work.add(.wake(instant))
        case .finish: work.add(.finish)
        case .close(let id):
            if let connection = state.connections.removeValue(forKey: id) { work.add(.close(id, connection)) }
        case .fail(let waiter, let error):
            guard let continuation = state.waiters.removeValue(forKey: waiter) else { return nil }
            return { continuation.resume(throwing: error) }
        case .lease(let id, let waiter):
            guard let connection = state.connections[id] else { return nil }
            guard let continuation = state.waiters.removeValue(forKey: waiter) else { return nil }
            return { continuation.resume(returning: Lease(id: id, connection: connection)) }
        }
        return nil
    }
}
