extension IPAddress {
    /// The address that a resolver takes `host` for, when `host` is a number and no name; nil for names.
    ///
    /// Besides the usual notations: brackets and a zone around IPv6, and IPv4 as one to four parts in decimal, octal
    /// (`0…`) or hexadecimal (`0x…`), the last part filling the rest (`0x7f.1`, `2130706433`): getaddrinfo(3) reads these.
    package init?(hostLiteral host: String) {
        var host = Substring(host)
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        if host.contains(":") {
            let address = host.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)[0]
            self.init(String(address))
            return
        }
        if host.hasSuffix(".") { host = host.dropLast() }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false).map(Self.number)
        guard (1...4).contains(parts.count), let last = parts.last ?? nil else { return nil }
        var value: UInt64 = 0
        for part in parts.dropLast() {
            guard let part, part <= 0xff else { return nil }
            value = value << 8 | part
        }
        let bits = UInt64(8 * (5 - parts.count))
        guard last < 1 << bits else { return nil }
        self.init(v4: UInt32(value << bits | last))
    }

    private static func number(_ text: Substring) -> UInt64? {
        let lowered = text.lowercased()
        let (digits, radix) =
            if lowered.hasPrefix("0x") {
                (lowered.dropFirst(2), 16)
            } else if lowered.count > 1, lowered.hasPrefix("0") {
                (lowered.dropFirst(1), 8)
            } else {
                (lowered[...], 10)
            }
        // UInt64(_:radix:) would take a sign.
        guard digits.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") }) else { return nil }
        return UInt64(digits, radix: radix)
    }
}
