/// A range of IP addresses in CIDR form, such as `10.0.0.0/8`, or one address.
struct NetworkRange: Sendable, Equatable {
    /// 4 or 16 bytes.
    let address: [UInt8]
    /// Leading bits that count.
    let bits: Int

    /// Nil when the text is no address, the length is out of range or host bits are set.
    init?(parsing text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = IPAddressText.bytes(of: String(parts[0])) else { return nil }
        var bits = address.count * 8
        if parts.count == 2 {
            guard parts[1].utf8.count <= 3, let given = UInt(parts[1]), given <= UInt(bits) else { return nil }
            bits = Int(given)
        }
        self.address = address
        self.bits = bits
        guard contains(address), address == masked(address) else { return nil }
    }

    func contains(_ other: [UInt8]) -> Bool {
        other.count == address.count && masked(other) == masked(address)
    }

    private func masked(_ bytes: [UInt8]) -> [UInt8] {
        bytes.enumerated().map { index, byte in
            let kept = min(8, max(0, bits - index * 8))
            return kept == 0 ? 0 : byte & (0xFF << (8 - kept))
        }
    }
}

/// IP addresses in text form.
enum IPAddressText {
    /// The 4 or 16 bytes of a numeric address; nil for anything else, also for names and zone ids.
    static func bytes(of text: String) -> [UInt8]? {
        text.contains(":") ? version6(text) : version4(text)
    }

    /// Whether the bytes are in 127.0.0.0/8 or are ::1.
    static func isLoopback(_ bytes: [UInt8]) -> Bool {
        bytes.count == 4 ? bytes[0] == 127 : bytes == Array(repeating: 0, count: 15) + [1]
    }

    private static func version4(_ text: String) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        let bytes = parts.compactMap { part -> UInt8? in
            // A leading zero means octal to some readers, so it is refused.
            guard part.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), part == "0" || !part.hasPrefix("0") else {
                return nil
            }
            return UInt8(part)
        }
        return bytes.count == 4 ? bytes : nil
    }

    private static func version6(_ text: String) -> [UInt8]? {
        let halves = text.components(separatedBy: "::")
        guard halves.count <= 2 else { return nil }
        guard let head = groups(halves[0]) else { return nil }
        guard halves.count == 2 else { return head.count == 16 ? head : nil }
        guard let tail = groups(halves[1]), head.count + tail.count <= 14 else { return nil }
        return head + Array(repeating: 0, count: 16 - head.count - tail.count) + tail
    }

    private static func groups(_ text: String) -> [UInt8]? {
        guard !text.isEmpty else { return [] }
        var bytes: [UInt8] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if index == parts.count - 1, part.contains("."), let tail = version4(String(part)) {
                bytes += tail
                continue
            }
            guard !part.isEmpty, part.utf8.count <= 4, part.allSatisfy({ $0.isASCII && $0.isHexDigit }),
                let value = UInt16(part, radix: 16)
            else { return nil }
            bytes += [UInt8(value >> 8), UInt8(value & 0xFF)]
        }
        return bytes.count <= 16 ? bytes : nil
    }
}

extension String {
    /// The pieces between occurrences of a separator, empty ones included.
    fileprivate func components(separatedBy separator: String) -> [String] {
        var pieces: [String] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            pieces.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return pieces + [String(rest)]
    }
}
