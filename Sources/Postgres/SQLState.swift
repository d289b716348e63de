/// A five-character SQLSTATE, as PostgreSQL's appendix A lists them.
package struct SQLState: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    package let rawValue: String

    package init(rawValue: String) {
        self.rawValue = rawValue
    }

    package static let serializationFailure = SQLState(rawValue: "40001")
    package static let deadlockDetected = SQLState(rawValue: "40P01")
    package static let uniqueViolation = SQLState(rawValue: "23505")
    package static let undefinedTable = SQLState(rawValue: "42P01")
    package static let queryCanceled = SQLState(rawValue: "57014")

    /// A value the database refuses: classes 22 (data exception) and 23 (integrity constraint).
    package var isDataError: Bool { hasClass("22") || hasClass("23") }

    /// The transaction lost against another one and may simply be repeated.
    package var isRetryable: Bool { self == .serializationFailure || self == .deadlockDetected }

    /// The server ended the session: shutdown, crash of another backend, not accepting, `pg_terminate_backend`.
    var endsSession: Bool {
        hasClass("08") || ["57P01", "57P02", "57P03", "57P04", "57P05", "25P03"].contains(rawValue)
    }

    /// The prepared statement is gone or no longer fits the tables; it was not executed.
    var isStaleStatement: Bool { rawValue == "0A000" || rawValue == "26000" }

    package var description: String { rawValue }

    func hasClass(_ prefix: String) -> Bool { rawValue.hasPrefix(prefix) }
}
