import FlyingSocks
import Glibc
import Synchronization

/// What a peer has seen, in order; tests wait for it to grow.
final class Sightings<Sight: Sendable>: Sendable {
    private struct State {
        var sights: [Sight] = []
        var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    var all: [Sight] { state.withLock { $0.sights } }

    func add(_ sight: Sight) {
        let ready = state.withLock { state in
            state.sights.append(sight)
            let count = state.sights.count
            let ready = state.waiting.filter { $0.count <= count }
            state.waiting.removeAll { $0.count <= count }
            return ready
        }
        for waiter in ready { waiter.continuation.resume() }
    }

    /// Returns once there are `count` of them.
    func reach(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isReached = state.withLock { state in
                if state.sights.count >= count { return true }
                state.waiting.append((count, continuation))
                return false
            }
            if isReached { continuation.resume() }
        }
    }
}

/// Runs `serve` for every connection to a port of 127.0.0.1 while `body` runs; a connection ends with its `serve`.
func withPeer<R: Sendable>(
    _ serve: @escaping @Sendable @concurrent (sending Wire) async throws -> Void,
    body: @escaping @Sendable (Int) async throws -> R
) async throws -> R {
    let pool = SocketPool<ePoll>.ePoll(maxEvents: 64)
    let socket = try Socket(domain: Int32(AF_INET), type: .stream)
    try socket.setValue(true, for: .localAddressReuse)
    try socket.bind(to: .inet(ip4: "127.0.0.1", port: 0))
    try socket.listen()
    guard case .ip4(_, let port) = try socket.sockname() else { throw SocketError.unsupportedAddress }
    let listener = try AsyncSocket(socket: socket, pool: pool)
    try await pool.prepare()
    return try await withThrowingTaskGroup(of: R?.self) { group in
        group.addTask {
            try? await pool.run()
            return nil
        }
        group.addTask {
            await withDiscardingTaskGroup { connections in
                while !Task.isCancelled {
                    // A client may also have gone away before it was accepted.
                    guard let socket = try? await listener.accept() else { continue }
                    connections.addTask {
                        // A client that goes away is an ordinary end.
                        try? await serve(Wire(socket: socket))
                        await pool.close(socket)
                    }
                }
                connections.cancelAll()
            }
            return nil
        }
        group.addTask { try await body(Int(port)) }
        var result: R?
        while result == nil, let next = try await group.next() { result = next }
        group.cancelAll()
        await pool.close(listener)
        guard let result else { throw CancellationError() }
        return result
    }
}

extension SocketPool {
    /// Closes on the pool's actor, after a pending removal from epoll: else a number used again at once waits for ever.
    fileprivate func close(_ socket: AsyncSocket) {
        try? socket.close()
    }
}
