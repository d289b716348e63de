import Synchronization

/// Holds the interface that is made after its server: links need the port that the server found.
final class InterfaceBox: Sendable {
    private let held = Mutex<HTTPBridge?>(nil)

    var bridge: HTTPBridge? { held.withLock { $0 } }

    func set(_ bridge: HTTPBridge) { held.withLock { $0 = bridge } }
}
