import Synchronization
import Threads

/// One server session. libpq blocks, on this actor's own thread; statements run one after another, never interleaved.
///
/// A cancelled task cancels its statement on the server. A statement that passes its limit is cancelled too, and if the
/// server does not answer, the session is closed. Dropping the last reference closes the session.
package actor PostgresConnection {
    /// What a session is good for, readable without waiting for its thread.
    enum Standing: UInt8 { case idle, inTransaction, closed }

    static let statementsMax = 256

    private let executor = ThreadExecutor(name: "postgres")
    private let configuration: PostgresConfiguration
    private let interrupt: Interrupt
    private var session: Session?
    private var statements = StatementCache(capacity: statementsMax)
    private var number: UInt64 = 0
    private nonisolated let standingCode = Atomic(Standing.closed.rawValue)

    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    /// Opens a session.
    ///
    /// - Throws: ``PostgresError/connect(_:)``, ``PostgresError/configuration(_:)``, ``PostgresError/cancelled``.
    package static func connect(
        _ configuration: PostgresConfiguration
    ) async throws(PostgresError) -> PostgresConnection {
        let keywords = try ConnectionKeywords(configuration)
        let connection = try PostgresConnection(configuration)
        try await connection.open(keywords)
        return connection
    }

    private init(_ configuration: PostgresConfiguration) throws(PostgresError) {
        self.configuration = configuration
        interrupt = try Interrupt()
    }

    isolated deinit {
        session = nil
        executor.stop()
    }

    /// Runs one statement, in binary form both ways, prepared once per session and text.
    ///
    /// Batch sizes and intervals belong into the text, as literals: PostgreSQL plans `LIMIT $1` anew each time.
    ///
    /// - Parameter limit: other than the configuration's `statementTimeout`, and not much longer: the server ends
    ///   statements 5 s after that.
    /// - Throws: ``PostgresError``.
    @discardableResult
    package func query(
        _ sql: String, _ parameters: [PostgresValue] = [], within limit: Duration? = nil
    ) async throws(PostgresError) -> PostgresResult {
        let parameters = try ParameterBuffer(parameters)
        return try await cancellable(limit) { session, limits throws(PostgresError) in
            try self.run(sql, parameters, session, limits)
        }
    }

    /// Runs statements without parameters, such as a migration, in one exchange, which is one transaction unless the
    /// script says otherwise.
    ///
    /// - Throws: ``PostgresError``.
    package func execute(_ script: String, within limit: Duration? = nil) async throws(PostgresError) {
        let allowance = limit.flatMap { $0 > configuration.statementTimeout ? $0 : nil }
        // Local to the transaction that several statements in one exchange are.
        let prefix = allowance.map { "SET LOCAL statement_timeout = \($0.milliseconds); " } ?? ""
        _ = try await cancellable(limit) { session, limits throws(PostgresError) in
            try session.script(prefix + script, limits)
        }
    }

    /// Ends the session; statements after it throw `connectionLost`.
    package func close() {
        session = nil
        standingCode.store(Standing.closed.rawValue, ordering: .releasing)
    }

    /// The server process of this session, as in `pg_stat_activity`; nil when it is closed.
    package var processID: Int32? { session?.processID }

    /// Runs `body` on this connection's thread; nil: the server has hung up, which the socket alone is asked.
    func ifAlive<Value: Sendable>(
        _ body: @Sendable (PostgresConnection) async throws -> Value
    ) async throws -> Value? {
        guard let session, session.isAlive() else {
            close()
            return nil
        }
        return try await body(self)
    }

    nonisolated var standing: Standing { Standing(rawValue: standingCode.load(ordering: .acquiring)) ?? .closed }

    // MARK: transactions

    func begin() async throws(PostgresError) {
        _ = try await cancellable(nil) { session, limits throws(PostgresError) in try session.script("BEGIN", limits) }
    }

    /// Commits; a cancelled task does not stop it.
    ///
    /// See ``PostgresConnection/transaction(_:)``.
    func commit() throws(PostgresError) {
        let limits = StatementLimits(within: configuration.commitTimeout, atDeadline: .close, isCancellable: false)
        let result: PostgresResult
        do throws(PostgresError) {
            result = try exchange { session throws(PostgresError) in try session.script("COMMIT", limits) }
        } catch {
            switch error {
            case .connectionLost(let reason): throw .commitUnknown("the session ended in COMMIT: \(reason)")
            case .timedOut: throw .commitUnknown("COMMIT had no answer within \(configuration.commitTimeout).")
            default: throw error
            }
        }
        if let warning = result.warning { throw .commitUnknown("COMMIT came with the warning “\(warning)”.") }
        guard result.commandTag == "COMMIT" else {
            throw .commitUnknown("COMMIT was answered with \(result.commandTag): a statement in it had failed.")
        }
    }

    /// Rolls back if there is something to; a session that cannot is closed.
    ///
    /// A cancelled task does not stop it.
    func rollBack() {
        guard standing == .inTransaction else { return }
        let limits = StatementLimits(within: .seconds(5), atDeadline: .close, isCancellable: false)
        let result = try? exchange { session throws(PostgresError) in try session.script("ROLLBACK", limits) }
        if result == nil || standing != .idle { close() }
    }

    // MARK: one exchange

    private func open(_ keywords: ConnectionKeywords) async throws(PostgresError) {
        let hosts = keywords.perHost
        let limit = keywords.connectTimeout ?? configuration.connectTimeout
        try await numbered { [self] () throws(PostgresError) in
            var failure = PostgresError.connect("no host is given.")
            for host in hosts {
                do throws(PostgresError) {
                    session = try Session(host, interrupt, within: limit)
                    return
                } catch {
                    guard case .connect = error else { throw error }
                    failure = error
                }
            }
            throw failure
        }
        standingCode.store(Standing.idle.rawValue, ordering: .releasing)
    }

    private func run(
        _ sql: String, _ parameters: ParameterBuffer, _ session: Session, _ limits: StatementLimits
    ) throws(PostgresError) -> PostgresResult {
        guard configuration.prepared else { return try session.query(sql, parameters, limits) }
        let isRepeatable = !session.isInTransaction
        let statement = try prepared(sql, parameters, session, limits)
        do throws(PostgresError) {
            return try session.query(prepared: statement.name, parameters, limits)
        } catch {
            // The tables changed under it, or somebody deallocated it. In a transaction all is lost, else once more.
            guard case .server(let state, _, _) = error, state.isStaleStatement else { throw error }
            statements.remove(statement, of: sql)
            guard isRepeatable, session.isUsable else { throw error }
            let fresh = try prepared(sql, parameters, session, limits)
            return try session.query(prepared: fresh.name, parameters, limits)
        }
    }

    private func prepared(
        _ sql: String, _ parameters: ParameterBuffer, _ session: Session, _ limits: StatementLimits
    ) throws(PostgresError) -> StatementCache.Statement {
        if let statement = statements.find(sql, types: parameters.types) { return statement }
        if let old = statements.evict() { _ = try session.script("DEALLOCATE \(old.name)", limits) }
        let name = statements.newName()
        let types = try session.prepare(sql, as: name, types: parameters.types, limits)
        let statement = StatementCache.Statement(name: name, types: types)
        statements.insert(statement, for: sql)
        return statement
    }

    /// One exchange that ends with its task.
    private func cancellable(
        _ limit: Duration?, _ body: (Session, StatementLimits) throws(PostgresError) -> PostgresResult
    ) async throws(PostgresError) -> PostgresResult {
        let limits = StatementLimits(
            within: limit ?? configuration.statementTimeout, atDeadline: .cancel(grace: configuration.cancelGrace),
            isCancellable: true)
        return try await numbered { [self] () throws(PostgresError) in
            try exchange { session throws(PostgresError) in try body(session, limits) }
        }
    }

    /// Gives what runs inside a number that a cancellation of the task refers to.
    private func numbered<Value: Sendable>(
        _ body: () throws(PostgresError) -> Value
    ) async throws(PostgresError) -> Value {
        number += 1
        let number = number
        let interrupt = interrupt
        let outcome = await withTaskCancellationHandler {
            // A call on `self` without `await`: a closure that does not mention `self` would leave the actor's thread.
            self.attempt(number, body)
        } onCancel: {
            interrupt.request(number)
        }
        return try outcome.get()
    }

    private func attempt<Value>(
        _ number: UInt64, _ body: () throws(PostgresError) -> Value
    ) -> Result<Value, PostgresError> {
        assertIsolated()
        interrupt.begin(number)
        defer { interrupt.end() }
        // A cancellation before `begin` shows here, one after it in the interrupt.
        guard !Task.isCancelled else { return .failure(.cancelled) }
        do throws(PostgresError) { return .success(try body()) } catch { return .failure(error) }
    }

    /// Keeps ``standing`` and drops a session that is of no more use.
    private func exchange(
        _ body: (Session) throws(PostgresError) -> PostgresResult
    ) throws(PostgresError) -> PostgresResult {
        guard let session else { throw .connectionLost("the session is closed.") }
        defer {
            if session.isUsable {
                let standing: Standing = session.isInTransaction ? .inTransaction : .idle
                standingCode.store(standing.rawValue, ordering: .releasing)
            } else {
                close()
            }
        }
        return try body(session)
    }
}
