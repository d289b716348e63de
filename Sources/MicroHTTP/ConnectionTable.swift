import Synchronization

/// The open connections.
final class ConnectionTable: Sendable {
    private let connections = Mutex<[ObjectIdentifier: Connection]>([:])

    var count: Int { connections.withLock { $0.count } }

    /// No request is under way.
    var isQuiet: Bool { all.allSatisfy { $0.exchange == nil } }

    func insert(_ connection: Connection) {
        connections.withLock { $0[ObjectIdentifier(connection)] = connection }
    }

    func remove(_ connection: Connection) {
        _ = connections.withLock { $0.removeValue(forKey: ObjectIdentifier(connection)) }
    }

    /// Ends what has outlived its deadline.
    func expire(at now: ContinuousClock.Instant, answerDeadline: Duration) {
        for connection in all { connection.expire(at: now, answerDeadline: answerDeadline) }
    }

    /// Answers every request that waits for its handler.
    func answerAll(_ response: HTTPServerResponse) {
        for connection in all { connection.exchange?.answer(response) }
    }

    private var all: [Connection] { connections.withLock { Array($0.values) } }
}
