import FlyingSocks
import Glibc
import Synchronization

/// A listener on 127.0.0.1 that serves each connection in a child task of ``run(_:)``.
///
/// Owns the listening socket, the event pool and every accepted connection; all end with `run`.
final class LoopbackServer: Sendable {
    /// Speaks with one peer until it returns or throws.
    typealias Service = @Sendable @concurrent (sending WireConnection) async throws -> Void

    /// Connections served at once; further ones are closed as they come.
    static let connectionsMax = 4096

    private struct Listening {
        var socket: AsyncSocket
        var port: Int
    }

    private let pool = SocketPool<ePoll>.ePoll(maxEvents: 64)
    private let listening = Mutex<Listening?>(nil)
    private let open = Atomic<Int>(0)
    private let stopped: AsyncStream<Never>
    private let stopping: AsyncStream<Never>.Continuation

    init() {
        (stopped, stopping) = AsyncStream.makeStream()
    }

    /// The port that was bound; 0 before ``start(port:)``.
    var port: Int { listening.withLock { $0?.port ?? 0 } }

    /// Binds and listens; connections wait in the backlog until ``run(_:)``.
    ///
    /// - Parameter port: 0 picks a free one.
    func start(port: UInt16) async throws(SandboxError) {
        do {
            let socket = try Socket(domain: Int32(AF_INET), type: .stream)
            do {
                try socket.setValue(true, for: .localAddressReuse)
                try socket.bind(to: .inet(ip4: "127.0.0.1", port: port))
                try socket.listen()
                guard case .ip4(_, let bound) = try socket.sockname() else { throw SocketError.unsupportedAddress }
                let listener = try AsyncSocket(socket: socket, pool: pool)
                try await pool.prepare()
                listening.withLock { $0 = Listening(socket: listener, port: Int(bound)) }
            } catch {
                try? socket.close()
                throw error
            }
        } catch {
            throw .cannotListen(port: Int(port), reason: "\(error)")
        }
    }

    /// Serves until ``stop()`` or cancellation; cuts what is still open.
    func run(_ serve: @escaping Service) async throws(SandboxError) {
        guard let listener = listening.withLock({ $0?.socket }) else { throw .notStarted }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await self.pool.run() }
            group.addTask { for await _ in self.stopped {} }
            group.addTask { await self.acceptAll(from: listener, serve) }
            await group.next()
            group.cancelAll()
        }
        await pool.close(listener)
        listening.withLock { $0 = nil }
    }

    /// Ends ``run(_:)``.
    func stop() {
        stopping.finish()
    }

    private func acceptAll(from listener: AsyncSocket, _ serve: @escaping Service) async {
        await withDiscardingTaskGroup { connections in
            while !Task.isCancelled {
                do {
                    let socket = try await listener.accept()
                    guard open.load(ordering: .relaxed) < Self.connectionsMax else {
                        await pool.close(socket)
                        continue
                    }
                    open.add(1, ordering: .relaxed)
                    connections.addTask {
                        // A peer that goes away is the ordinary end of a connection.
                        try? await serve(WireConnection(socket: socket))
                        await self.pool.close(socket)
                        self.open.subtract(1, ordering: .relaxed)
                    }
                } catch SocketError.failed {
                    // Out of descriptors, or the peer left in the backlog: try again a little later.
                    try? await Task.sleep(for: .milliseconds(20))
                } catch {
                    break
                }
            }
            connections.cancelAll()
        }
    }
}

extension SocketPool {
    /// Closes on the pool's actor, so that a pending removal from epoll has run: else a descriptor number that is used
    /// again at once would count as registered and its connection would wait for ever.
    func close(_ socket: AsyncSocket) {
        try? socket.close()
    }
}
