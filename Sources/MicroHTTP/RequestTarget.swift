/// The path and query of a request line, decoded.
struct RequestTarget: Equatable {
    var path: String
    var rawPath: String
    var queryItems: [Item]

    struct Item: Equatable {
        var name: String
        var value: String
    }

    /// Reads the forms `/path?query`, `http://host/path?query` and `*`; nil when the target is none of them, holds a broken
    /// escape, an encoded or plain control character, a fragment, or bytes that are not UTF-8.
    init?(parsing text: String) {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "#") }) else { return nil }
        let origin = Self.withoutAuthority(text)
        let parts = origin.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let rawPath = parts[0].isEmpty && origin.utf8.count != text.utf8.count ? "/" : String(parts[0])
        guard rawPath.hasPrefix("/") || rawPath == "*", let path = Self.decoded(rawPath[...], plusIsSpace: false) else {
            return nil
        }
        var items: [Item] = []
        for pair in (parts.count == 2 ? parts[1] : "").split(separator: "&") {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decoded(halves[0], plusIsSpace: true),
                let value = Self.decoded(halves.count == 2 ? halves[1] : "", plusIsSpace: true)
            else { return nil }
            items.append(Item(name: name, value: value))
        }
        self.path = path
        self.rawPath = rawPath
        self.queryItems = items
    }

    /// What follows `http://host` in a target of the absolute form; any other target as it is.
    private static func withoutAuthority(_ text: String) -> Substring {
        for scheme in ["http://", "https://"] where text.prefix(scheme.count).lowercased() == scheme {
            return text.dropFirst(scheme.count).drop { $0 != "/" && $0 != "?" }
        }
        return text[...]
    }

    /// Text after percent-decoding; nil for a broken escape, a NUL, or bytes that are not UTF-8.
    static func decoded(_ text: Substring, plusIsSpace: Bool) -> String? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        var iterator = text.utf8.makeIterator()
        while let byte = iterator.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = iterator.next().flatMap(hexValue), let low = iterator.next().flatMap(hexValue) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace:
                bytes.append(UInt8(ascii: " "))
            default:
                bytes.append(byte)
            }
        }
        // PostgreSQL and C cut text at a NUL: two readers would see two different texts.
        return bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
