/// What went wrong between this process and PostgreSQL.
///
/// No case ever carries a parameter's value or a password.
package enum PostgresError: Error, Sendable, Equatable {
    /// No session could be opened; the sentence says why.
    case connect(String)
    /// The server refused the statement. `message` is free of values; `constraint` names a violated one.
    case server(SQLState, message: String, constraint: String?)
    /// The session ended while it was used: what the last statement did is not known.
    case connectionLost(String)
    /// COMMIT was sent and it is not known, or not certain on all replicas, that it took hold.
    case commitUnknown(String)
    /// The Swift task was cancelled and the statement ended with it.
    case cancelled
    /// The statement did not end within its time limit; it was cancelled, or the session closed.
    case timedOut
    /// No connection came free within the acquire timeout, or too many callers wait already.
    case exhausted(String)
    /// The pool is closing or closed.
    case poolClosed
    /// A column is missing, NULL or of another type than asked for.
    case decoding(String)
    /// A parameter cannot be sent; says which, not its value.
    case encoding(String)
    /// The URI or a setting of the configuration is wrong.
    case configuration(String)

    /// Whether repeating the whole transaction may succeed at once (SQLSTATE 40001, 40P01).
    package var isRetryable: Bool {
        if case .server(let state, _, _) = self { state.isRetryable } else { false }
    }
}

extension PostgresError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .connect(let reason): "Cannot connect to PostgreSQL: \(reason)"
        case .server(let state, let message, _): "PostgreSQL refused a statement (SQLSTATE \(state)): \(message)."
        case .connectionLost(let reason): "The connection to PostgreSQL was lost: \(reason)"
        case .commitUnknown(let reason): "It is not known whether a transaction was committed: \(reason)"
        case .cancelled: "The statement was cancelled because its caller was."
        case .timedOut: "A statement took longer than its time limit; look for locks and load in the database."
        case .exhausted(let reason): "No database connection is free: \(reason)"
        case .poolClosed: "The database connections are being closed."
        case .decoding(let reason): "A row of PostgreSQL's answer cannot be read: \(reason)"
        case .encoding(let reason): "A parameter cannot be sent to PostgreSQL: \(reason)"
        case .configuration(let reason): "The database settings are wrong: \(reason)"
        }
    }
}
