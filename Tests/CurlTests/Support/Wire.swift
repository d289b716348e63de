import FlyingSocks
import FoundationEssentials

/// One accepted connection of a test's peer.
///
/// Belongs to one task.
final class Wire {
    private let socket: AsyncSocket
    private var buffer: [UInt8] = []

    init(socket: AsyncSocket) {
        self.socket = socket
    }

    /// A line without its end; nil at the end of the stream.
    func line() async throws -> String? {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: buffer[..<end], as: UTF8.self)
                buffer.removeFirst(end + 1)
                return line.hasSuffix("\r") ? String(line.dropLast()) : line
            }
            guard try await fill() else { return nil }
        }
    }

    /// A whole HTTP request; nil at the end of the stream.
    func request() async throws -> PeerRequest? {
        guard let first = try await line() else { return nil }
        var request = PeerRequest(line: first)
        while let line = try await line(), !line.isEmpty { request.headers.append(line) }
        let length = request.header("content-length").flatMap(Int.init) ?? 0
        while buffer.count < length { guard try await fill() else { return nil } }
        request.body = String(decoding: buffer.prefix(length), as: UTF8.self)
        buffer.removeFirst(length)
        return request
    }

    func write(_ text: String) async throws {
        try await socket.write(Data(text.utf8))
    }

    /// Answers with a body of known length.
    func answer(_ status: String = "200 OK", _ body: String = "ok", headers: String = "") async throws {
        try await write("HTTP/1.1 \(status)\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    /// Reads on until the client leaves; how many bytes came, and whether it left by a reset.
    func readToEnd() async throws -> (bytes: Int, isReset: Bool) {
        while try await fill() {}
        // After an ordinary end the first write still succeeds.
        do { try await write("?") } catch { return (buffer.count, true) }
        return (buffer.count, false)
    }

    private func fill() async throws -> Bool {
        do {
            buffer += try await socket.read(atMost: 16384)
            return true
        } catch SocketError.disconnected {
            return false
        }
    }
}

struct PeerRequest: Sendable {
    var line: String
    var headers: [String] = []
    var body = ""

    func header(_ name: String) -> String? {
        headers.first { $0.lowercased().hasPrefix("\(name):") }
            .map { $0.dropFirst(name.count + 1).drop { $0 == " " } }.map(String.init)
    }
}
