/// A network: an address and the number of its leading bits that count.
package struct CIDR: Sendable, Hashable, CustomStringConvertible {
    package let network: IPAddress
    package let prefixLength: Int

    /// Reads `10.0.0.0/8`, `fd00::/8`, or a bare address, which is a network of one.
    ///
    /// - Throws: ``CIDRError``; its description says how to mend the text.
    package init(_ text: String) throws(CIDRError) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(String(first)) else { throw .notAnAddress(text) }
        let bits = address.isV6 ? 128 : 32
        var length = bits
        if parts.count == 2 {
            let digits = parts[1]
            guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                let number = Int(digits), number <= bits
            else { throw .badPrefixLength(text, bitsMax: bits) }
            length = number
        }
        let network = address.masked(to: length)
        guard network == address else { throw .hostBits(text, network: "\(network)/\(length)") }
        (self.network, prefixLength) = (network, length)
    }

    /// Reads a list separated by commas or white space; an empty text is an empty list.
    package static func list(_ text: String) throws(CIDRError) -> [CIDR] {
        var networks: [CIDR] = []
        for item in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            networks.append(try CIDR(String(item)))
        }
        return networks
    }

    /// Whether the address is of this network's family and inside it; embedded addresses are not looked at.
    package func contains(_ address: IPAddress) -> Bool {
        address.isV6 == network.isV6 && address.masked(to: prefixLength) == network
    }

    package var description: String { "\(network)/\(prefixLength)" }
}

/// What is wrong with the text of a network.
package enum CIDRError: Error, Equatable, CustomStringConvertible {
    case notAnAddress(String)
    case badPrefixLength(String, bitsMax: Int)
    case hostBits(String, network: String)

    package var description: String {
        switch self {
        case .notAnAddress(let text):
            "'\(text)' is no network; write an address and a prefix length such as 10.0.0.0/8 or fd00::/8."
        case .badPrefixLength(let text, let bitsMax):
            "'\(text)' has no valid prefix length; write a number from 0 to \(bitsMax) after the slash."
        case .hostBits(let text, let network):
            "'\(text)' has bits set beyond its prefix length; write \(network) if that network is meant."
        }
    }
}

extension IPAddress {
    /// The address with all bits after the first `length` cleared.
    fileprivate func masked(to length: Int) -> IPAddress {
        guard isV6 else { return IPAddress(v4: UInt32(low) & ~(length == 32 ? 0 : UInt32.max >> UInt32(length))) }
        // Swift's >> gives 0 for a shift by the width or more.
        let highMask = ~(UInt64.max >> UInt64(min(length, 64)))
        let lowMask = ~(UInt64.max >> UInt64(max(length - 64, 0)))
        return IPAddress(v6High: high & highMask, low: low & lowMask)
    }
}
