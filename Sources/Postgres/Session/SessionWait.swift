import CLibpq

/// Waits for a session's socket until a deadline, and turns interrupts and the deadline into a cancel request.
@safe struct SessionWait: ~Copyable {
    private let connection: OpaquePointer
    private let interrupt: Interrupt
    private var limits: StatementLimits
    private var request: CancelRequest?
    /// Why the statement was asked to end; nil while it may run.
    private(set) var cause: PostgresError?

    init(_ connection: OpaquePointer, _ interrupt: Interrupt, _ limits: StatementLimits) {
        unsafe self.connection = connection
        self.interrupt = interrupt
        self.limits = limits
    }

    /// Returns the socket's events; throws `timedOut`, or `cancelled`, when the session must be given up.
    mutating func wait(for events: Int32) throws(PostgresError) -> Int32 {
        while true {
            if limits.isCancellable, cause == nil, interrupt.isRequested {
                guard case .cancel(let grace) = limits.atDeadline else { throw .cancelled }
                ask(because: .cancelled, within: grace)
            }
            if ContinuousClock.now >= limits.deadline {
                guard cause == nil, case .cancel(let grace) = limits.atDeadline else { throw cause ?? .timedOut }
                ask(because: .timedOut, within: grace)
            }
            let ready = unsafe poll(socket: PQsocket(connection), events)
            if ready != 0 { return ready }
        }
    }

    /// Waits until a cancel request has had its effect; false when that takes too long to go on with the session.
    mutating func settle() -> Bool {
        guard let request, case .cancel(let grace) = limits.atDeadline else { return true }
        limits.deadline = .now + grace
        while !request.isDone {
            guard ContinuousClock.now < limits.deadline else { return false }
            _ = poll(socket: -1, 0)
        }
        return true
    }

    private mutating func ask(because cause: PostgresError, within grace: Duration) {
        self.cause = cause
        limits.deadline = .now + grace
        request = unsafe CancelRequest.start(connection, waking: interrupt)
    }

    /// One `poll` of the socket and the interrupt, up to the deadline; 0 when the socket has nothing.
    private func poll(socket: Int32, _ events: Int32) -> Int32 {
        var descriptors = [
            pollfd(fd: socket, events: Int16(events), revents: 0),
            pollfd(fd: interrupt.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        let left = ContinuousClock.now.duration(to: limits.deadline).milliseconds
        // Rounded up, so that the last millisecond is not spun through.
        _ = unsafe CLibpq.poll(&descriptors, 2, Int32(clamping: left + 1))
        if descriptors[1].revents != 0 { interrupt.drain() }
        return Int32(descriptors[0].revents)
    }
}
