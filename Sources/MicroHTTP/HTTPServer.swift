import Synchronization

/// An HTTP/1.1 server over libmicrohttpd.
///
/// ``start()`` binds, ``run()`` serves until its task is cancelled or ``stop()`` is called. A request is answered by the
/// immediate closure on the server's own thread (from memory, without waiting for anything) or, when that returns nil, by
/// the handler in a task of `run()`. A server lives once.
package final class HTTPServer: Sendable {
    private struct State {
        var port: Int
        var daemon: Daemon?
        var isStopping = false
        var isRunning = false
    }

    private let dispatcher: RequestDispatcher
    private let handler: @Sendable (HTTPServerRequest) async -> HTTPServerResponse
    private let state: Mutex<State>
    private let ended = Latch()

    /// Nothing is bound yet.
    ///
    /// - Parameters:
    ///   - immediate: called on the server's threads; must return within microseconds. Nil hands the request to `handler`.
    ///   - handler: cancelled when its time is over; what it returns after that is dropped.
    package init(
        configuration: HTTPServerConfiguration,
        immediate: @escaping @Sendable (HTTPServerRequest) -> HTTPServerResponse? = { _ in nil },
        handler: @escaping @Sendable (HTTPServerRequest) async -> HTTPServerResponse
    ) {
        self.dispatcher = RequestDispatcher(configuration: configuration, immediate: immediate)
        self.handler = handler
        self.state = Mutex(State(port: configuration.port))
    }

    deinit { stop() }

    /// The port bound; before ``start()`` the one configured.
    package var port: Int { state.withLock { $0.port } }

    /// Connections open now.
    package var connectionsOpen: Int { dispatcher.connections.count }

    /// Handlers at work now, those included whose client has its answer already.
    package var handlersRunning: Int { dispatcher.handlersRunning }

    /// Binds and begins to accept; immediate answers flow from now on, the others once ``run()`` is called.
    ///
    /// Whoever starts lets ``run()`` or ``shutdown()`` release it. Takes a few system calls, none of which waits.
    /// - Throws: each case of ``HTTPServerError``; `alreadyUsed` for a second start or one after a stop.
    package func start() throws(HTTPServerError) {
        try state.withLock { state throws(HTTPServerError) in
            guard state.daemon == nil, !state.isStopping else { throw .alreadyUsed }
            let configuration = dispatcher.configuration
            let socket = try ListeningSocket(address: configuration.address, port: configuration.port)
            let daemon = try Daemon(dispatcher: dispatcher, socket: socket)
            daemon.watch { [ended] in ended.open() }
            state.daemon = daemon
            state.port = socket.port
        }
    }

    /// Serves until the task is cancelled or ``stop()`` was called, starting first if need be; returns when every thread,
    /// socket and handler is released.
    ///
    /// A stop lets requests under way finish for `drainDeadline`, with `Connection: close`; cancelling the task also cancels
    /// the handlers at once. What has no answer by then gets 503.
    /// - Throws: what ``start()`` throws; `alreadyUsed` for a second run.
    package func run() async throws {
        let (isStarted, isStopping) = try state.withLock { state throws(HTTPServerError) in
            guard !state.isRunning else { throw .alreadyUsed }
            state.isRunning = true
            return (state.daemon != nil, state.isStopping)
        }
        if !isStarted, !isStopping { try start() }
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                for await work in dispatcher.work {
                    group.addTask { await self.serve(work) }
                }
                await ended.wait()
                group.cancelAll()
            }
        } onCancel: {
            stop()
        }
    }

    /// Begins the stop and returns at once; ``run()`` returns when it is done.
    ///
    /// Callable from any thread, repeatedly.
    package func stop() {
        let (isFirst, daemon) = state.withLock { state in
            defer { state.isStopping = true }
            return (!state.isStopping, state.daemon)
        }
        guard isFirst else { return }
        if let daemon {
            daemon.stop()
        } else {
            dispatcher.finishWork()
            ended.open()
        }
    }

    /// Stops and returns when no connection and no thread of the server is left.
    package func shutdown() async {
        stop()
        await ended.wait()
    }

    /// Lets the handler answer, and cancels it when somebody else did.
    private func serve(_ work: RequestDispatcher.Work) async {
        defer { dispatcher.release() }
        if work.exchange.isSettled { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { work.exchange.answer(await self.handler(work.request)) }
            await work.exchange.waitUntilSettled()
            group.cancelAll()
        }
    }
}
