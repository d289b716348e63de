import Glibc
import Synchronization

/// A client's connection: its socket, the request under way on it, and until when that may take.
///
/// libmicrohttpd only limits silence, which each byte ends; the deadline here is absolute.
final class Connection: Sendable {
    private struct State {
        /// Nil once libmicrohttpd closes it: the number may be another's then.
        var socket: Int32?
        var deadline: ContinuousClock.Instant
        var exchange: Exchange?
    }

    let remoteAddress: String
    private let state: Mutex<State>

    init(socket: Int32, remoteAddress: String, headerDeadline: Duration) {
        self.remoteAddress = remoteAddress
        self.state = Mutex(State(socket: socket, deadline: .now + headerDeadline))
    }

    /// The request under way, from its first line until its answer is sent.
    var exchange: Exchange? { state.withLock { $0.exchange } }

    /// A request line was read: its headers are due soon, and never later than they already were.
    func begin(_ exchange: Exchange, headerDeadline: Duration) {
        let deadline = ContinuousClock.now + headerDeadline
        state.withLock { state in
            state.exchange = exchange
            state.deadline = min(state.deadline, deadline)
        }
    }

    /// The next thing is due within a time from now.
    func expect(within limit: Duration) {
        let deadline = ContinuousClock.now + limit
        state.withLock { $0.deadline = deadline }
    }

    /// The answer is sent or the client gone.
    func finish(idleDeadline: Duration) {
        let deadline = ContinuousClock.now + idleDeadline
        state.withLock { state in
            state.exchange = nil
            state.deadline = deadline
        }
    }

    /// Ends what has outlived its deadline: a handler's time by an answer, everything else by shutting the socket down.
    func expire(at now: ContinuousClock.Instant, answerDeadline: Duration) {
        let late = state.withLock { state -> Exchange? in
            guard state.deadline <= now, let socket = state.socket else { return nil }
            if let exchange = state.exchange, exchange.isWithHandler {
                state.deadline = now + answerDeadline
                return exchange
            }
            // libmicrohttpd sees the end of the stream and closes; the number stays ours until then.
            shutdown(socket, Int32(SHUT_RDWR))
            return nil
        }
        late?.answer(Refusal.deadlinePassed.response)
    }

    /// libmicrohttpd closes the socket next.
    func forgetSocket() {
        state.withLock { state in
            state.socket = nil
            state.exchange = nil
        }
    }
}
