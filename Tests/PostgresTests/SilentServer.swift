import Dispatch
import Glibc

/// A TCP socket on loopback that accepts into its backlog and never says a word.
struct ListeningSocket {
    let descriptor: Int32
    let port: Int

    private struct Failure: Error {}

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let isListening = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe bind(descriptor, pointer, length) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, pointer, &length) == 0
            }
        }
        guard isListening else { throw Failure() }
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    func close() { _ = Glibc.close(descriptor) }
}

/// Greets one client as PostgreSQL does and then never answers again; cancel requests stay unanswered in the backlog.
struct SilentServer {
    private let socket: ListeningSocket
    var uri: String { "postgresql://u@127.0.0.1:\(socket.port)/db?sslmode=disable" }

    init() throws {
        let socket = try ListeningSocket()
        self.socket = socket
        DispatchQueue(label: "silent-server").async {
            let client = accept(socket.descriptor, nil, nil)
            defer { _ = Glibc.close(client) }
            var buffer = [UInt8](repeating: 0, count: 4096)
            guard unsafe read(client, &buffer, buffer.count) > 0 else { return }
            let greeting =
                Self.message("R", [0, 0, 0, 0])
                + Self.message("S", Array("server_version\0".utf8) + Array("15.0\0".utf8))
                + Self.message("K", [0, 0, 0, 1, 0, 0, 0, 2]) + Self.message("Z", Array("I".utf8))
            _ = unsafe write(client, greeting, greeting.count)
            // Until the client hangs up.
            while unsafe read(client, &buffer, buffer.count) > 0 {}
        }
    }

    func close() { socket.close() }

    private static func message(_ type: Character, _ body: [UInt8]) -> [UInt8] {
        Array(String(type).utf8) + [0, 0, 0, UInt8(body.count + 4)] + body
    }
}
