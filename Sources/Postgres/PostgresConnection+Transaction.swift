extension PostgresConnection {
    /// Runs `body` between BEGIN and COMMIT, or ROLLBACK when it throws.
    ///
    /// It runs on this connection's thread: between its statements nothing waits for a turn among the tasks of the process.
    ///
    /// Once `body` has returned, cancelling the task no longer stops the COMMIT. A transaction that lost to another one
    /// (``PostgresError/isRetryable``) is not repeated here: the caller knows whether `body` may run twice.
    ///
    /// - Throws: what `body` throws; ``PostgresError/commitUnknown(_:)`` when the session ended in COMMIT, COMMIT took
    ///   longer than `commitTimeout`, came with a WARNING (01000: a standby has not confirmed it) or was answered with
    ///   ROLLBACK; ``PostgresError/server(_:message:constraint:)`` when COMMIT was refused, by a deferred constraint.
    @discardableResult
    package func transaction<Value: Sendable>(
        _ body: @Sendable (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        try await begin()
        let value: Value
        do {
            value = try await body(self)
        } catch {
            rollBack()
            throw error
        }
        try commit()
        return value
    }
}
