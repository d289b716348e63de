/// When and how a statement is ended from this side.
struct StatementLimits {
    enum AtDeadline {
        /// Ask the server to cancel, then close the session if it has not answered after `grace`.
        case cancel(grace: Duration)
        /// Close the session at once: for COMMIT, whose cancellation would leave the same doubt.
        case close
    }

    var deadline: ContinuousClock.Instant
    var atDeadline: AtDeadline
    /// Whether a cancelled Swift task cancels the statement.
    var isCancellable: Bool

    init(until deadline: ContinuousClock.Instant, atDeadline: AtDeadline, isCancellable: Bool) {
        self.deadline = deadline
        self.atDeadline = atDeadline
        self.isCancellable = isCancellable
    }

    init(within limit: Duration, atDeadline: AtDeadline, isCancellable: Bool) {
        self.init(until: .now + limit, atDeadline: atDeadline, isCancellable: isCancellable)
    }
}
