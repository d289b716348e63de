import CLibpq

/// Owns one `PGconn`; freed exactly once, here.
///
/// Blocks, so it is used on its connection's thread only.
///
/// Every exchange goes through `PQsend…`, a non-blocking flush and `poll`, which is what makes deadlines hold.
@safe final class Session {
    private let connection: OpaquePointer
    private let interrupt: Interrupt
    private let notices = NoticeLog()
    /// False when the session must not be used again.
    private(set) var isUsable = true

    /// Connects to the one host of `keywords`.
    ///
    /// - Throws: ``PostgresError/connect(_:)``, or `cancelled`.
    init(_ keywords: ConnectionKeywords, _ interrupt: Interrupt, within limit: Duration) throws(PostgresError) {
        self.interrupt = interrupt
        guard let connection = unsafe keywords.startConnection() else { throw .connect("out of memory.") }
        unsafe self.connection = connection
        unsafe PQsetNoticeReceiver(connection, receiveNotice, Unmanaged.passUnretained(notices).toOpaque())
        try connect(within: limit, password: keywords.password)
        _ = unsafe PQsetnonblocking(connection, 1)
        guard unsafe PQserverVersion(connection) >= 130_000 else {
            throw .connect("the server is older than PostgreSQL 13; upgrade it.")
        }
    }

    deinit { unsafe PQfinish(connection) }

    var processID: Int32 { unsafe PQbackendPID(connection) }

    var isInTransaction: Bool { unsafe PQtransactionStatus(connection) != PQTRANS_IDLE }

    /// Whether an idle session still stands, as far as the socket knows: no round trip.
    func isAlive() -> Bool {
        for _ in 0..<8 where isUsable {
            var socket = unsafe pollfd(fd: PQsocket(connection), events: Int16(POLLIN), revents: 0)
            if unsafe poll(&socket, 1, 0) == 0 { return true }
            // Something came unasked: a notice, a parameter's change, or the server's farewell.
            if unsafe PQconsumeInput(connection) == 0 { isUsable = false }
            _ = unsafe PQisBusy(connection)
            if notices.take().contains(where: { $0.severity == "FATAL" || $0.severity == "PANIC" }) { isUsable = false }
        }
        return isUsable
    }

    /// One statement with parameters, unprepared.
    func query(
        _ sql: String, _ parameters: ParameterBuffer, _ limits: StatementLimits
    ) throws(PostgresError) -> PostgresResult {
        let types = parameters.types
        return try unsafe single(limits) { connection in
            unsafe parameters.withArrays { values, lengths, formats in
                unsafe PQsendQueryParams(
                    connection, sql, Int32(parameters.count), types, values, lengths, formats, 1)
            }
        }
    }

    /// A prepared statement.
    func query(
        prepared name: String, _ parameters: ParameterBuffer, _ limits: StatementLimits
    ) throws(PostgresError) -> PostgresResult {
        try unsafe single(limits) { connection in
            unsafe parameters.withArrays { values, lengths, formats in
                unsafe PQsendQueryPrepared(
                    connection, name, Int32(parameters.count), values, lengths, formats, 1)
            }
        }
    }

    /// Prepares a statement and returns the types of its parameters, those given as 0 resolved by the server.
    func prepare(
        _ sql: String, as name: String, types: [Oid], _ limits: StatementLimits
    ) throws(PostgresError) -> [Oid] {
        _ = try unsafe run(limits) { unsafe PQsendPrepare($0, name, sql, Int32(types.count), types) }
        guard types.contains(0) else { return types }
        return try unsafe run(limits) { unsafe PQsendDescribePrepared($0, name) }.last?.parameterTypes ?? types
    }

    /// Statements without parameters in one exchange; results in text form, the last one's tag.
    func script(_ sql: String, _ limits: StatementLimits) throws(PostgresError) -> PostgresResult {
        try unsafe single(limits) { unsafe PQsendQuery($0, sql) }
    }

    private func single(
        _ limits: StatementLimits, _ send: (OpaquePointer) -> Int32
    ) throws(PostgresError) -> PostgresResult {
        let storage = try unsafe run(limits, send).last
        return PostgresResult(
            rows: storage.map { storage in (0..<storage.rowCount).map { PostgresRow(storage: storage, row: $0) } }
                ?? [],
            affected: storage?.affected ?? 0, commandTag: storage?.commandTag ?? "", notices: notices.take())
    }

    /// One exchange, up to the server's ReadyForQuery.
    private func run(
        _ limits: StatementLimits, _ send: (OpaquePointer) -> Int32
    ) throws(PostgresError) -> [ResultStorage] {
        _ = notices.take()
        guard unsafe send(connection) == 1 else { throw lost() }
        var wait = unsafe SessionWait(connection, interrupt, limits)
        var results: [ResultStorage] = []
        var failure: PostgresError?
        do throws(PostgresError) {
            try flush(&wait)
            while let result = try nextResult(&wait) {
                switch result.status {
                case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: results.append(result)
                case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
                    throw .encoding("COPY is not supported; send arrays instead.")
                default: failure = failure ?? error(of: result)
                }
            }
        } catch {
            isUsable = false
            throw error
        }
        if !wait.settle() { isUsable = false }
        if unsafe PQstatus(connection) != CONNECTION_OK {
            if case .connectionLost = failure {} else { failure = lost() }
            isUsable = false
        }
        guard let failure else { return results }
        if case .connectionLost = failure { isUsable = false }
        if case .server(.queryCanceled, _, _) = failure { throw wait.cause ?? failure }
        throw failure
    }

    private func flush(_ wait: inout SessionWait) throws(PostgresError) {
        while true {
            switch unsafe PQflush(connection) {
            case 0: return
            case 1:
                // The server may have to send before it can read on.
                if try wait.wait(for: POLLIN | POLLOUT) & POLLIN != 0, unsafe PQconsumeInput(connection) == 0 {
                    throw lost()
                }
            default:
                // What the server said before it hung up is still to be read.
                return
            }
        }
    }

    private func nextResult(_ wait: inout SessionWait) throws(PostgresError) -> ResultStorage? {
        while unsafe PQisBusy(connection) != 0 {
            _ = try wait.wait(for: POLLIN)
            // A failure shows as an error result, after all results that came before it.
            if unsafe PQconsumeInput(connection) == 0 { break }
        }
        return unsafe PQgetResult(connection).map { unsafe ResultStorage($0) }
    }

    private func error(of result: ResultStorage) -> PostgresError {
        guard let code = result.field(FIELD_SQLSTATE) else { return lost() }
        let state = SQLState(rawValue: code)
        let message = ServerMessage.redacted(result.field(FIELD_MESSAGE) ?? "no message", state: state)
        if state.endsSession { return .connectionLost("\(message) (SQLSTATE \(state)).") }
        return .server(state, message: message, constraint: result.field(FIELD_CONSTRAINT))
    }

    private func lost() -> PostgresError {
        isUsable = false
        let message = unsafe PQerrorMessage(connection).map { unsafe String(cString: $0) } ?? ""
        // The first line alone: the server's own DETAIL would follow.
        let line = message.split(whereSeparator: \.isNewline).first.map(String.init) ?? "the session is closed"
        return .connectionLost("\(ServerMessage.oneLine(line)).")
    }

    private func connect(within limit: Duration, password: String?) throws(PostgresError) {
        let deadline = ContinuousClock.now + limit
        var next = PGRES_POLLING_WRITING
        while unsafe PQstatus(connection) != CONNECTION_BAD, next != PGRES_POLLING_OK, next != PGRES_POLLING_FAILED {
            var wait = unsafe SessionWait(
                connection, interrupt, StatementLimits(until: deadline, atDeadline: .close, isCancellable: true))
            do throws(PostgresError) {
                _ = try wait.wait(for: next == PGRES_POLLING_READING ? POLLIN : POLLOUT)
            } catch {
                guard error == .timedOut else { throw error }
                throw .connect("no answer from \(peer) within \(limit); check the address and the network.")
            }
            next = unsafe PQconnectPoll(connection)
        }
        guard unsafe PQstatus(connection) == CONNECTION_OK else {
            var message = ServerMessage.oneLine(
                unsafe PQerrorMessage(connection).map { unsafe String(cString: $0) } ?? "no reason given")
            if let password, !password.isEmpty { message = message.split(separator: password).joined(separator: "…") }
            throw .connect("\(message).")
        }
    }

    private var peer: String {
        let host = unsafe PQhost(connection).map { unsafe String(cString: $0) } ?? ""
        let port = unsafe PQport(connection).map { unsafe String(cString: $0) } ?? ""
        return "\(host):\(port)"
    }
}
