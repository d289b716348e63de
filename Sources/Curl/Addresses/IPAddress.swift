import CLibcurl
import Glibc

/// An IPv4 or IPv6 address as a number.
package struct IPAddress: Sendable, Hashable {
    package let isV6: Bool
    /// The first 64 bits of an IPv6 address; 0 for IPv4.
    package let high: UInt64
    /// The last 64 bits of an IPv6 address, or the 32 bits of an IPv4 one.
    package let low: UInt64

    package init(v4: UInt32) {
        (isV6, high, low) = (false, 0, UInt64(v4))
    }

    package init(v6High high: UInt64, low: UInt64) {
        (isV6, self.high, self.low) = (true, high, low)
    }

    /// Reads the usual notations: four decimal parts, or hexadecimal groups with colons.
    ///
    /// Nothing else is an address here.
    package init?(_ text: String) {
        guard let address = unsafe text.withCString({ unsafe IPAddress(cString: $0) }) else { return nil }
        self = address
    }

    init?(cString text: UnsafePointer<CChar>) {
        var v4 = in_addr()
        if unsafe inet_pton(AF_INET, text, &v4) == 1 {
            self.init(v4: UInt32(bigEndian: v4.s_addr))
            return
        }
        var v6 = in6_addr()
        guard unsafe inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
        self.init(v6)
    }

    /// Nil for other families than IPv4 and IPv6.
    init?(_ address: UnsafePointer<sockaddr>) {
        switch unsafe Int32(address.pointee.sa_family) {
        case AF_INET:
            let v4 = unsafe UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self)
            self.init(v4: UInt32(bigEndian: v4.sin_addr.s_addr))
        case AF_INET6:
            let v6 = unsafe UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in6.self)
            self.init(v6.sin6_addr)
        default:
            return nil
        }
    }

    private init(_ address: in6_addr) {
        var address = address
        (isV6, high, low) = unsafe withUnsafeBytes(of: &address) { bytes in
            let high = unsafe UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
            let low = unsafe UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            return (true, high, low)
        }
    }

    /// 127.0.0.0/8, `::1`, and the IPv4-mapped form of the former.
    package var isLoopback: Bool {
        if isV6 { return (high == 0 && low == 1) || embeddedV4.map { isMapped && $0.isLoopback } ?? false }
        return low >> 24 == 127
    }

    /// The IPv4 address that an IPv6 one stands for: mapped (`::ffff:0:0/96`), NAT64 (`64:ff9b::/96`) or 6to4 (`2002::/16`).
    package var embeddedV4: IPAddress? {
        guard isV6 else { return nil }
        if isMapped || (high == 0x0064_ff9b_0000_0000 && low >> 32 == 0) {
            return IPAddress(v4: UInt32(truncatingIfNeeded: low))
        }
        if high >> 48 == 0x2002 { return IPAddress(v4: UInt32(truncatingIfNeeded: high >> 16)) }
        return nil
    }

    private var isMapped: Bool { isV6 && high == 0 && low >> 32 == 0xffff }
}

extension IPAddress: CustomStringConvertible {
    package var description: String {
        guard isV6 else {
            return [24, 16, 8, 0].map { "\(low >> UInt64($0) & 0xff)" }.joined(separator: ".")
        }
        var words = [high.bigEndian, low.bigEndian]
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
            guard let start = unsafe inet_ntop(AF_INET6, &words, text.baseAddress, socklen_t(text.count)) else {
                return "?"
            }
            return unsafe String(cString: start)
        }
    }
}
