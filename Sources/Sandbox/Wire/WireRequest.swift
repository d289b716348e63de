/// One HTTP/1.1 request as it stood on the wire.
struct WireRequest: Sendable {
    var method: String
    /// Without the query, percent-decoded.
    var path: String
    var query: WireParameters
    /// Names in lower case.
    var headers: [(name: String, value: String)]
    var body: [UInt8]
    /// 1 for the first request of a connection.
    var ordinal: Int

    static let headBytesMax = 64 << 10
    static let bodyBytesMax = 1 << 20

    func header(_ name: String) -> String? {
        headers.first { $0.name == name }?.value
    }

    var text: String { String(decoding: body, as: UTF8.self) }

    /// Whether the connection stays open after the answer.
    var keepsAlive: Bool { header("connection")?.lowercased() != "close" }

    /// The body's media type without parameters, in lower case.
    var mediaType: String {
        header("content-type")?.split(separator: ";").first.map { trimmed($0).lowercased() } ?? ""
    }

    /// Reads the next request; nil when the peer closed between requests.
    ///
    /// Only Content-Length bodies are read: no client of ours sends anything else.
    static func read(from connection: WireConnection, ordinal: Int) async throws -> WireRequest? {
        guard let first = try await connection.line(bytesMax: headBytesMax) else { return nil }
        let words = String(decoding: first, as: UTF8.self).split(separator: " ")
        guard words.count == 3, words[2].hasPrefix("HTTP/1.") else { throw WireFault.malformed }
        var headers: [(name: String, value: String)] = []
        var headBytes = first.count
        while let line = try await connection.line(bytesMax: headBytesMax), !line.isEmpty {
            headBytes += line.count
            guard headBytes <= headBytesMax else { throw WireFault.tooLong }
            let text = String(decoding: line, as: UTF8.self)
            guard let colon = text.firstIndex(of: ":") else { throw WireFault.malformed }
            headers.append((text[..<colon].lowercased(), trimmed(text[text.index(after: colon)...])))
        }
        let target = words[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var request = WireRequest(
            method: String(words[0]), path: percentDecoded(target[0], plusIsSpace: false),
            query: WireParameters(formEncoded: target.count > 1 ? String(target[1]) : ""), headers: headers, body: [],
            ordinal: ordinal)
        guard request.header("transfer-encoding") == nil else { throw WireFault.malformed }
        guard let declared = request.header("content-length") else { return request }
        guard let count = Int(declared), count >= 0, count <= bodyBytesMax else { throw WireFault.tooLong }
        guard let body = try await connection.bytes(count) else { return nil }
        request.body = body
        return request
    }
}

/// Name and value pairs of a query, form or JSON object.
struct WireParameters: Sendable {
    private(set) var pairs: [(name: String, value: String)]

    init(formEncoded text: String) {
        pairs = text.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (percentDecoded(parts[0]), parts.count > 1 ? percentDecoded(parts[1]) : "")
        }
    }

    /// The strings and numbers of a JSON object; empty when the text is none.
    init(json bytes: [UInt8]) {
        guard case .object(let members)? = try? JSONValue(parsing: bytes) else {
            pairs = []
            return
        }
        pairs = members.compactMap { member in member.value.scalar.map { (member.name, $0) } }
    }

    /// The first value of a name; nil when absent or empty.
    subscript(name: String) -> String? {
        pairs.first { $0.name == name && !$0.value.isEmpty }?.value
    }
}

func trimmed(_ text: some StringProtocol) -> String {
    let inner = text.drop(while: \.isWhitespace)
    return String(inner.reversed().drop(while: \.isWhitespace).reversed())
}

func percentDecoded(_ text: some StringProtocol, plusIsSpace: Bool = true) -> String {
    let bytes = Array(text.utf8)
    var decoded: [UInt8] = []
    decoded.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
        if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count, let high = hexDigit(bytes[index + 1]),
            let low = hexDigit(bytes[index + 2])
        {
            decoded.append(high << 4 | low)
            index += 3
        } else {
            decoded.append(plusIsSpace && bytes[index] == UInt8(ascii: "+") ? UInt8(ascii: " ") : bytes[index])
            index += 1
        }
    }
    return String(decoding: decoded, as: UTF8.self)
}

/// Encodes everything but RFC 3986's unreserved characters.
func percentEncoded(_ text: String) -> String {
    let hex = Array("0123456789ABCDEF".utf8)
    var encoded: [UInt8] = []
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            encoded.append(byte)
        default: encoded += [UInt8(ascii: "%"), hex[Int(byte >> 4)], hex[Int(byte & 15)]]
        }
    }
    return String(decoding: encoded, as: UTF8.self)
}

func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
