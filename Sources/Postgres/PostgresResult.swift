/// What one statement returned.
package struct PostgresResult: Sendable {
    /// Decoded when asked; they share one buffer, so keep decoded values rather than rows.
    package var rows: [PostgresRow]
    /// Rows inserted, updated, deleted or selected.
    package var affected: Int
    /// What the server calls it: `SELECT 1`, `INSERT 0 3`, `COMMIT`.
    package var commandTag: String
    /// Messages of the server beside the result, in order; at most 32.
    package var notices: [PostgresNotice]

    /// The first WARNING, such as 01000 at a COMMIT that no standby has confirmed.
    package var warning: String? { notices.first { $0.severity == "WARNING" }?.message }
}

/// A NOTICE, WARNING, … of the server.
///
/// Its message is redacted like an error's.
package struct PostgresNotice: Sendable, Equatable {
    package var severity: String
    package var state: SQLState
    package var message: String
}
