import CLibpq
import Synchronization
import Threads

/// One `PQcancel`, on a helper thread because it blocks for a connect and a round trip.
///
/// The session waits for its end before the next statement: the server may act on the request until then.
/// `@unchecked Sendable`: the pointer is used by the helper thread alone.
@safe final class CancelRequest: @unchecked Sendable {
    private let cancel: OpaquePointer
    private let done = Atomic(false)

    /// Starts the request; nil when the session has no server process to ask.
    static func start(_ connection: OpaquePointer, waking interrupt: Interrupt) -> CancelRequest? {
        guard let cancel = unsafe PQgetCancel(connection) else { return nil }
        let request = unsafe CancelRequest(cancel)
        startThread(named: "postgres-cancel") {
            request.send()
            interrupt.wake()
        }
        return request
    }

    private init(_ cancel: OpaquePointer) {
        unsafe self.cancel = cancel
    }

    deinit { unsafe PQfreeCancel(cancel) }

    var isDone: Bool { done.load(ordering: .acquiring) }

    private func send() {
        // A failure needs no message: the statement's deadline closes the session.
        var message = [CChar](repeating: 0, count: 256)
        unsafe _ = PQcancel(cancel, &message, Int32(message.count))
        done.store(true, ordering: .releasing)
    }
}
