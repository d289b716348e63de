import CMicrohttpd
import Dispatch
import Threads

/// The running libmicrohttpd with its socket, and the thread that watches the deadlines and at last takes it down.
final class Daemon: Sendable {
    /// libmicrohttpd's daemon; sendable because only the watching thread uses it.
    @safe private struct DaemonPointer: @unchecked Sendable {
        let raw: OpaquePointer
    }

    /// How long a stop waits for the last answers to be sent when the handlers' time is over.
    private static let flushDeadline = Duration.seconds(2)

    private let dispatcher: RequestDispatcher
    private let socket: ListeningSocket
    private let pointer: DaemonPointer
    private let wake = DispatchSemaphore(value: 0)

    /// Starts libmicrohttpd's threads on a socket that listens.
    init(dispatcher: RequestDispatcher, socket: ListeningSocket) throws(HTTPServerError) {
        let limits = dispatcher.configuration
        var settings = unsafe tokenward_mhd_settings(
            listen_socket: socket.descriptor, threads: UInt32(max(1, limits.threads)),
            connections: UInt32(max(limits.threads, limits.connectionsMax)),
            inactivity_seconds: UInt32(clamping: limits.inactivitySeconds),
            memory_bytes: limits.connectionMemoryBytes, context: Unmanaged.passUnretained(dispatcher).toOpaque())
        let daemon = unsafe tokenward_mhd_start(
            &settings, targetRead, requestAdvanced, requestEnded, connectionChanged)
        guard let daemon = unsafe daemon else { throw .daemonRefused }
        self.dispatcher = dispatcher
        self.socket = socket
        self.pointer = unsafe DaemonPointer(raw: daemon)
    }

    /// Watches until ``stop()``, then takes everything down and calls `ended`; on a thread of its own, which keeps this
    /// object and all that libmicrohttpd points to.
    func watch(ended: @escaping @Sendable () -> Void) {
        startThread(named: "http-watch") {
            self.watchUntilStopped()
            self.takeDown()
            ended()
        }
    }

    /// Ends the watch.
    ///
    /// Callable once, from any thread.
    func stop() {
        wake.signal()
    }

    private func watchUntilStopped() {
        while !isSignalled(within: dispatcher.configuration.tick) { expire() }
    }

    private func takeDown() {
        dispatcher.enter(.draining)
        _ = unsafe MHD_quiesce_daemon(pointer.raw)
        socket.refuse()
        waitUntilQuiet(within: dispatcher.configuration.drainDeadline)
        dispatcher.enter(.closed)
        // libmicrohttpd ends the process when it is stopped with a connection suspended.
        dispatcher.connections.answerAll(Refusal.stopping.response)
        waitUntilQuiet(within: Self.flushDeadline)
        unsafe MHD_stop_daemon(pointer.raw)
        dispatcher.finishWork()
    }

    private func waitUntilQuiet(within limit: Duration) {
        let deadline = ContinuousClock.now + limit
        while !dispatcher.connections.isQuiet, ContinuousClock.now < deadline {
            _ = isSignalled(within: .milliseconds(5))
            expire()
        }
    }

    private func expire() {
        dispatcher.connections.expire(at: .now, answerDeadline: dispatcher.configuration.answerDeadline)
    }

    private func isSignalled(within limit: Duration) -> Bool {
        let (seconds, attoseconds) = limit.components
        let nanoseconds = Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
        return wake.wait(timeout: .now() + .nanoseconds(nanoseconds)) == .success
    }
}
