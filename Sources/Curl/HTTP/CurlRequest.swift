/// One HTTP request.
///
/// Its URL, headers and body may hold secrets: it prints its method only.
package struct CurlRequest: Sendable {
    package var method: String
    /// Whole and without user name: `https://…`, or `http://…` for loopback addresses in allowed networks.
    package var url: String
    /// Sent as they are; the framing ones (`Content-Length`, `Transfer-Encoding`, `Expect`, `Connection`…) are refused.
    package var headers: [(String, String)]
    package var body: [UInt8]
    /// From the start of the transfer to the end of the TLS handshake.
    package var connectTimeout: Duration
    /// From the start of the transfer, not from the call, to the last byte of the answer.
    package var totalTimeout: Duration
    /// Longest body that is read; of a longer one, this much is reported.
    package var bodyBytesMax: Int

    package init(
        method: String, url: String, headers: [(String, String)] = [], body: [UInt8] = [],
        connectTimeout: Duration = .seconds(3), totalTimeout: Duration = .seconds(10), bodyBytesMax: Int = 1 << 20
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.connectTimeout = connectTimeout
        self.totalTimeout = totalTimeout
        self.bodyBytesMax = bodyBytesMax
    }
}

extension CurlRequest: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "\(method) <redacted>" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

extension CurlRequest {
    /// What makes the request impossible to send as it stands; nil when nothing does.
    var defect: String? {
        guard !method.isEmpty, method.utf8.allSatisfy(Self.isTokenByte) else { return "The method is no HTTP token." }
        guard !url.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f }) else { return "The URL has spaces or controls." }
        let scheme = url.prefix { $0 != ":" }.lowercased()
        guard scheme == "https" || scheme == "http", url.dropFirst(scheme.count).hasPrefix("://") else {
            return "The URL does not begin with https://."
        }
        for (name, value) in headers {
            guard !name.isEmpty, name.utf8.allSatisfy(Self.isTokenByte) else {
                return "A header name is no HTTP token."
            }
            guard !Self.ownHeaders.contains(where: name.isHeaderName) else {
                return "The header \(name) is not the caller's."
            }
            guard !value.utf8.contains(where: { ($0 < 0x20 && $0 != 0x09) || $0 == 0x7f }) else {
                return "The value of the header \(name) has control characters."
            }
        }
        return nil
    }

    var isEncrypted: Bool { url.prefix(6).lowercased() == "https:" }

    private static let ownHeaders = [
        "connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
    ]

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}

extension String {
    /// Whether they are the same but for the case of ASCII letters.
    func isHeaderName(_ other: String) -> Bool {
        utf8.count == other.utf8.count && zip(utf8, other.utf8).allSatisfy { $0 | 0x20 == $1 | 0x20 }
    }
}

extension Duration {
    /// Whole milliseconds from 1 to the most that fits libcurl's options; 0 would mean «no limit» there.
    var curlMilliseconds: Int {
        let (seconds, attoseconds) = components
        guard seconds < Int64(Int32.max) / 1000 else { return Int(Int32.max) }
        return max(1, Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000))
    }
}
