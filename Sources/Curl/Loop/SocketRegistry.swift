import CLibcurl
import Glibc

/// Opens and closes the sockets of one client under its address guard, and knows which transfer uses which.
///
/// Touched by the client's thread only.
final class SocketRegistry {
    /// The two ends of a connection: what libcurl tells right before it sends, instead of the socket.
    struct Ends: Hashable {
        let local: IPAddress
        let localPort: Int32
        let peer: IPAddress
        let peerPort: Int32
    }

    private struct Connection {
        var ends: Ends?
        var userTimeout: Int
        var user: HTTPSlot?
    }

    private let addresses: AddressGuard
    private var connections: [Int32: Connection] = [:]
    private var sockets: [Ends: Int32] = [:]

    init(addresses: AddressGuard) {
        self.addresses = addresses
    }

    func allows(_ address: IPAddress, isEncrypted: Bool) -> Bool {
        addresses.allows(address, isEncrypted: isEncrypted)
    }

    /// A new socket for the address, or nil when the guard refuses it or there are no more descriptors.
    ///
    /// - Parameter userTimeout: milliseconds after which unacknowledged bytes end the connection.
    func open(_ address: UnsafePointer<curl_sockaddr>, isEncrypted: Bool, userTimeout: Int) -> SocketOpening {
        guard let opened = unsafe address.open(where: { allows($0, isEncrypted: isEncrypted) }) else { return .refused }
        guard opened >= 0 else { return .failed }
        tw_socket_set_user_timeout(opened, UInt32(userTimeout))
        forget(opened)
        connections[opened] = Connection(userTimeout: userTimeout)
        return .opened(opened)
    }

    /// The socket between `ends`, its time limit set to the coming transfer's; nil when it is not known.
    func socket(between ends: Ends, userTimeout: Int) -> Int32? {
        guard let socket = sockets[ends] ?? newlyConnected(ends) else { return nil }
        if connections[socket]?.userTimeout != userTimeout {
            connections[socket]?.userTimeout = userTimeout
            tw_socket_set_user_timeout(socket, UInt32(userTimeout))
        }
        return socket
    }

    func begin(_ slot: HTTPSlot, on socket: Int32) {
        connections[socket]?.user = slot
    }

    /// The transfer is over and was not cut; the next one may already be on the same socket.
    func end(_ slot: HTTPSlot, on socket: Int32) {
        if connections[socket]?.user === slot { connections[socket]?.user = nil }
    }

    /// Closes; with a reset when a request on the socket got no answer or is still in the send queue, so that no byte of
    /// it leaves later.
    func close(_ socket: Int32) {
        if let user = connections[socket]?.user, !user.isAnswered || tw_socket_unacknowledged(socket) != 0 {
            tw_socket_reset_on_close(socket)
        }
        forget(socket)
        Glibc.close(socket)
    }

    private func forget(_ socket: Int32) {
        if let ends = connections.removeValue(forKey: socket)?.ends { sockets[ends] = nil }
    }

    private func newlyConnected(_ ends: Ends) -> Int32? {
        for (socket, connection) in connections where connection.ends == nil {
            guard let (local, port) = localEnd(of: socket), local == ends.local, port == ends.localPort else {
                continue
            }
            connections[socket]?.ends = ends
            sockets[ends] = socket
            return socket
        }
        return nil
    }

    private func localEnd(of socket: Int32) -> (IPAddress, Int32)? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return unsafe withUnsafeMutablePointer(to: &storage) { storage in
            unsafe storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard unsafe getsockname(socket, address, &length) == 0, let ip = unsafe IPAddress(address) else {
                    return nil
                }
                // The port stands at the same place in both families.
                let port = unsafe UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self).sin_port
                return (ip, Int32(UInt16(bigEndian: port)))
            }
        }
    }
}

enum SocketOpening {
    case opened(Int32)
    case refused
    case failed
}

extension UnsafePointer<curl_sockaddr> {
    /// A socket for libcurl to connect, −1 when the system has none, nil when the address is not allowed.
    func open(where isAllowed: (IPAddress) -> Bool) -> Int32? {
        let address = unsafe UnsafeRawPointer(self) + MemoryLayout<curl_sockaddr>.offset(of: \.addr)!
        let ip = unsafe IPAddress(address.assumingMemoryBound(to: sockaddr.self))
        guard let ip, isAllowed(ip) else { return nil }
        return unsafe socket(pointee.family, pointee.socktype | Int32(SOCK_CLOEXEC.rawValue), pointee.protocol)
    }
}
