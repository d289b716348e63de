import CMicrohttpd
import Synchronization

/// What libmicrohttpd's threads share: the limits, the closures, the open connections, the way to the handlers.
final class RequestDispatcher: Sendable {
    /// A request on its way to the asynchronous handler.
    struct Work: Sendable {
        let exchange: Exchange
        let request: HTTPServerRequest
    }

    enum Phase: Sendable { case serving, draining, closed }

    let configuration: HTTPServerConfiguration
    let connections = ConnectionTable()
    let work: AsyncStream<Work>
    private let workContinuation: AsyncStream<Work>.Continuation
    private let immediate: @Sendable (HTTPServerRequest) -> HTTPServerResponse?
    private let phase = Mutex(Phase.serving)
    private let running = Atomic(0)

    init(
        configuration: HTTPServerConfiguration,
        immediate: @escaping @Sendable (HTTPServerRequest) -> HTTPServerResponse?
    ) {
        self.configuration = configuration
        self.immediate = immediate
        // Bounded by `requestsMax`: whoever is not admitted is not put here.
        (work, workContinuation) = AsyncStream.makeStream(of: Work.self)
    }

    /// Requests that are with the handler, and handlers that go on although the client has its answer.
    var handlersRunning: Int { running.load(ordering: .relaxed) }

    func enter(_ next: Phase) {
        phase.withLock { $0 = next }
    }

    /// Nothing is handed to the handlers any more.
    func finishWork() {
        workContinuation.finish()
    }

    /// A handler has returned.
    func release() {
        running.subtract(1, ordering: .relaxed)
    }

    /// Answers at once or suspends the connection and hands the request on; on libmicrohttpd's thread.
    func dispatch(
        _ request: HTTPServerRequest, of exchange: Exchange, on connection: Connection, at pointer: ConnectionPointer
    )
        -> MHD_Result
    {
        if let response = immediate(request) { return send(response, of: exchange, on: connection, to: pointer) }
        guard !isClosed else { return refuse(.stopping, of: exchange, on: connection, to: pointer) }
        guard running.add(1, ordering: .relaxed).newValue <= configuration.requestsMax else {
            release()
            return send(Refusal.tooManyRequests.response, of: exchange, on: connection, to: pointer)
        }
        connection.expect(within: configuration.requestDeadline)
        exchange.suspend(pointer)
        var isHandedOn = false
        if case .enqueued = workContinuation.yield(Work(exchange: exchange, request: request)) { isHandedOn = true }
        if !isHandedOn { release() }
        // Looked at again after suspending: a stop that came in between may have missed this exchange.
        if !isHandedOn || isClosed { exchange.answer(Refusal.stopping.response) }
        return .YES
    }

    /// Sends an answer and keeps the connection unless the server stops.
    func send(
        _ response: HTTPServerResponse, of exchange: Exchange, on connection: Connection, to pointer: ConnectionPointer
    ) -> MHD_Result {
        exchange.markSent()
        connection.expect(within: configuration.answerDeadline)
        return response.queue(on: pointer, isLast: phase.withLock { $0 } != .serving)
    }

    /// Sends an answer of the server's own and closes the connection after it.
    func refuse(
        _ refusal: Refusal, of exchange: Exchange, on connection: Connection, to pointer: ConnectionPointer
    ) -> MHD_Result {
        exchange.markSent()
        connection.expect(within: configuration.answerDeadline)
        return refusal.response.queue(on: pointer, isLast: true)
    }

    private var isClosed: Bool { phase.withLock { $0 } == .closed }
}
