import FlyingSocks
import FoundationEssentials

/// One accepted connection with buffered reading; belongs to one task.
final class WireConnection {
    private let socket: AsyncSocket
    private var buffer: [UInt8] = []
    private var start = 0

    init(socket: AsyncSocket) {
        self.socket = socket
    }

    /// Bytes up to and without CR LF (or a bare LF); nil at the end of the stream.
    ///
    /// - Throws: ``WireFault/tooLong`` beyond `bytesMax`.
    func line(bytesMax: Int) async throws -> [UInt8]? {
        var searched = start
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                let hasReturn = end > start && buffer[end - 1] == UInt8(ascii: "\r")
                let line = Array(buffer[start..<(hasReturn ? end - 1 : end)])
                start = end + 1
                return line
            }
            guard buffer.count - start <= bytesMax else { throw WireFault.tooLong }
            let unread = buffer.count - start
            guard try await fill() else { return nil }
            searched = start + unread
        }
    }

    /// Exactly `count` bytes; nil when the stream ends before.
    func bytes(_ count: Int) async throws -> [UInt8]? {
        while buffer.count - start < count {
            guard try await fill() else { return nil }
        }
        defer { start += count }
        return Array(buffer[start..<(start + count)])
    }

    func write(_ bytes: some Sequence<UInt8>) async throws {
        try await socket.write(Data(bytes))
    }

    /// Reads and drops whatever comes until the peer goes away.
    func waitForPeerToLeave() async throws {
        repeat { start = buffer.count } while try await fill()
    }

    private func fill() async throws -> Bool {
        if start > 0 {
            buffer.removeFirst(start)
            start = 0
        }
        do {
            buffer += try await socket.read(atMost: 4096)
            return true
        } catch SocketError.disconnected {
            return false
        }
    }
}

/// What ends a connection from our side.
enum WireFault: Error {
    case tooLong
    case malformed
}
