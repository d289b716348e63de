import Glibc

/// A bound, listening TCP socket; closed when the last reference goes.
final class ListeningSocket: Sendable {
    let descriptor: Int32
    /// The port bound, also when 0 was asked for.
    let port: Int

    init(address: String, port: Int) throws(HTTPServerError) {
        guard let number = UInt16(exactly: port) else { throw .malformedPort(port) }
        guard var peer = SocketAddress(parsing: address, port: number) else { throw .malformedAddress(address) }
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(peer.family, type, 0)
        guard descriptor >= 0 else {
            throw errno == EAFNOSUPPORT ? .addressUnavailable(address) : .system(call: "socket", code: errno)
        }
        do throws(HTTPServerError) {
            // A restart must not wait for the closed connections of the last run (TIME_WAIT).
            try Self.set(SO_REUSEADDR, at: SOL_SOCKET, to: 1, of: descriptor)
            if peer.family == AF_INET6 { try Self.set(IPV6_V6ONLY, at: Int32(IPPROTO_IPV6), to: 0, of: descriptor) }
            let isBound = unsafe peer.withPointer { unsafe bind(descriptor, $0, $1) } == 0
            // A second socket may bind before the first listens; it is refused at its own listen.
            guard isBound, listen(descriptor, 4096) == 0 else {
                throw Self.bindingError(code: errno, address: address, port: port)
            }
            self.port = try Self.boundPort(of: descriptor, like: &peer)
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Refuses new connections from now on; those in the queue are reset.
    func refuse() {
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    private static func set(
        _ option: Int32, at level: Int32, to value: Int32, of descriptor: Int32
    ) throws(HTTPServerError) {
        var value = value
        let status = unsafe setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
        guard status == 0 else { throw .system(call: "setsockopt", code: errno) }
    }

    private static func boundPort(of descriptor: Int32, like address: inout SocketAddress) throws(HTTPServerError)
        -> Int
    {
        let status = unsafe address.withPointer { pointer, length in
            var length = length
            return unsafe getsockname(descriptor, pointer, &length)
        }
        guard status == 0 else { throw .system(call: "getsockname", code: errno) }
        return Int(address.port)
    }

    private static func bindingError(code: Int32, address: String, port: Int) -> HTTPServerError {
        switch code {
        case EADDRINUSE: .portInUse(address: address, port: port)
        case EACCES, EPERM: .portNotPermitted(address: address, port: port)
        case EADDRNOTAVAIL: .addressUnavailable(address)
        default: .system(call: "bind", code: code)
        }
    }
}
