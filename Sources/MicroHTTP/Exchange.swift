import CMicrohttpd
import Synchronization

/// libmicrohttpd's connection: valid on its own thread, and on any while it is suspended.
///
/// Sendable because ``Exchange`` lets one thread at a time use it.
@safe struct ConnectionPointer: @unchecked Sendable {
    let raw: OpaquePointer
}

/// One request and its answer; who answers first wins, later answers are dropped.
///
/// libmicrohttpd's thread reads the request and sends the answer; between the two the connection is suspended and any
/// thread may answer. A suspended connection is resumed exactly once, under this object's lock, so that whoever finds
/// the exchange answered may rely on the connection being resumed.
final class Exchange: Sendable {
    /// What libmicrohttpd's thread has to do when it comes by.
    enum Step {
        case readHeaders
        case readBody
        case wait
        case send(HTTPServerResponse)
    }

    private enum Phase {
        case headers
        case body
        case suspended(ConnectionPointer)
        case answered(HTTPServerResponse)
        case sent
    }

    private struct State {
        var phase = Phase.headers
        var method = ""
        var headers: [(String, String)] = []
        var body: [UInt8] = []
        var bodyBytes = 0
    }

    /// Nil when the request line holds nothing that can be decoded.
    private let target: RequestTarget?
    private let state = Mutex(State())
    private let settled = Latch()

    init(target: RequestTarget?) {
        self.target = target
    }

    var step: Step {
        state.withLock { state in
            switch state.phase {
            case .headers: .readHeaders
            case .body: .readBody
            case .suspended, .sent: .wait
            case .answered(let response): .send(response)
            }
        }
    }

    var hasTarget: Bool { target != nil }

    /// Suspended, or answered a moment ago and not yet fetched by libmicrohttpd's thread.
    var isWithHandler: Bool {
        state.withLock { state in
            switch state.phase {
            case .suspended, .answered: true
            case .headers, .body, .sent: false
            }
        }
    }

    /// Whether somebody has answered.
    var isSettled: Bool {
        state.withLock { state in
            switch state.phase {
            case .answered, .sent: true
            case .headers, .body, .suspended: false
            }
        }
    }

    /// Keeps the headers; the body comes next.
    func begin(method: String, headers: [(String, String)]) {
        state.withLock { state in
            state.method = method
            state.headers = headers
            state.phase = .body
        }
    }

    /// Keeps a piece of the body, or only counts it past the limit.
    ///
    /// - Returns: false when so much came past the limit that reading on to a polite answer is not worth it.
    func append(_ bytes: UnsafeRawBufferPointer, bytesMax: Int) -> Bool {
        state.withLock { state in
            state.bodyBytes += bytes.count
            if state.bodyBytes <= bytesMax {
                unsafe state.body.append(contentsOf: bytes)
            } else {
                state.body = []
            }
            return state.bodyBytes <= 2 * bytesMax
        }
    }

    /// The whole request, handed over; nil when the body was over the limit or the target unreadable.
    func takeRequest(remoteAddress: String, bytesMax: Int) -> HTTPServerRequest? {
        guard let target else { return nil }
        return state.withLock { state in
            guard state.bodyBytes <= bytesMax else { return nil }
            defer {
                state.body = []
                state.headers = []
            }
            return HTTPServerRequest(
                method: state.method, path: target.path, rawPath: target.rawPath,
                query: target.queryItems.map { ($0.name, $0.value) }, headers: state.headers, body: state.body,
                remoteAddress: remoteAddress)
        }
    }

    /// Takes the connection out of libmicrohttpd's loop until ``answer(_:)``; only on its own thread.
    func suspend(_ connection: ConnectionPointer) {
        state.withLock { state in
            unsafe MHD_suspend_connection(connection.raw)
            state.phase = .suspended(connection)
        }
    }

    /// Answers a suspended exchange; does nothing for one that is answered.
    ///
    /// Callable from any thread.
    func answer(_ response: HTTPServerResponse) {
        let isFirst = state.withLock { state in
            guard case .suspended(let connection) = state.phase else { return false }
            state.phase = .answered(response)
            // Under the lock: whoever stops the server next must find the connection resumed.
            unsafe MHD_resume_connection(connection.raw)
            return true
        }
        if isFirst { settled.open() }
    }

    /// The answer is libmicrohttpd's now.
    func markSent() {
        state.withLock { $0.phase = .sent }
    }

    /// Returns when somebody has answered; cancelling the task does not end the wait.
    func waitUntilSettled() async {
        await settled.wait()
    }
}
