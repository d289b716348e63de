import CMicrohttpd
import Glibc

/// A numeric IPv4 or IPv6 address with a port, in the form the system calls take.
struct SocketAddress {
    private var storage = sockaddr_storage()

    /// Takes `127.0.0.1`, `::1` and the like, and `localhost` for 127.0.0.1; nil for anything else.
    init?(parsing text: String, port: UInt16) {
        let text = text == "localhost" ? "127.0.0.1" : text
        var four = in_addr()
        var six = in6_addr()
        if unsafe inet_pton(AF_INET, text, &four) == 1 {
            unsafe withUnsafeMutableBytes(of: &storage) { bytes in
                let address = sockaddr_in(
                    sin_family: sa_family_t(AF_INET), sin_port: port.bigEndian, sin_addr: four,
                    sin_zero: (0, 0, 0, 0, 0, 0, 0, 0))
                unsafe bytes.storeBytes(of: address, as: sockaddr_in.self)
            }
        } else if unsafe inet_pton(AF_INET6, text, &six) == 1 {
            unsafe withUnsafeMutableBytes(of: &storage) { bytes in
                let address = sockaddr_in6(
                    sin6_family: sa_family_t(AF_INET6), sin6_port: port.bigEndian, sin6_flowinfo: 0, sin6_addr: six,
                    sin6_scope_id: 0)
                unsafe bytes.storeBytes(of: address, as: sockaddr_in6.self)
            }
        } else {
            return nil
        }
    }

    var family: Int32 { Int32(storage.ss_family) }

    /// In both families the port stands at the same place.
    var port: UInt16 {
        unsafe withUnsafeBytes(of: storage) { unsafe UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
    }

    /// Lends the address to a system call, which may write to it.
    mutating func withPointer<R>(_ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> R) -> R {
        let length = family == AF_INET ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
        return unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, socklen_t(length)) }
        }
    }

    /// The numeric address without port; an IPv4 client of an IPv6 socket in its IPv4 form.
    static func text(of address: UnsafePointer<sockaddr>) -> String {
        let isFour = unsafe Int32(address.pointee.sa_family) == AF_INET
        let length = isFour ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
        let text = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { buffer in
            let status = unsafe getnameinfo(
                address, socklen_t(length), buffer.baseAddress, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST)
            guard status == 0, let start = buffer.baseAddress else { return "" }
            return unsafe String(cString: start)
        }
        return text.hasPrefix("::ffff:") && text.contains(".") ? String(text.dropFirst(7)) : text
    }
}
