/// Decides which addresses outgoing connections may reach: public ones, and those of networks the operator allowed.
///
/// Pure. The client asks it for every address it is about to connect to and again for the peer of every request, so that
/// names that resolve to private addresses, resolve anew (DNS rebinding) or hide a number (`0x7f.1`) reach nothing.
/// The table follows the IANA special-purpose registries and smokescreen's; what is not known to be public is refused.
package struct AddressGuard: Sendable, Equatable {
    package let allowedNetworks: [CIDR]

    package init(allowedNetworks: [CIDR] = []) {
        self.allowedNetworks = allowedNetworks
    }

    /// Whether an encrypted connection may go there.
    package func allows(_ address: IPAddress) -> Bool {
        isAllowedByOperator(address) || Self.isPublic(address)
    }

    /// Whether an unencrypted connection may go there: to a loopback address inside an allowed network only.
    package func allowsUnencrypted(to address: IPAddress) -> Bool {
        address.isLoopback && isAllowedByOperator(address)
    }

    /// As ``allows(_:)`` or ``allowsUnencrypted(to:)``.
    package func allows(_ address: IPAddress, isEncrypted: Bool) -> Bool {
        isEncrypted ? allows(address) : allowsUnencrypted(to: address)
    }

    private func isAllowedByOperator(_ address: IPAddress) -> Bool {
        let embedded = address.embeddedV4
        return allowedNetworks.contains { network in
            network.contains(address) || embedded.map(network.contains) ?? false
        }
    }

    private static func isPublic(_ address: IPAddress) -> Bool {
        if let embedded = address.embeddedV4 { return isPublic(embedded) }
        guard address.isV6 else { return !refusedV4.contains { $0.contains(address) } }
        // Outside 2000::/3 nothing is global unicast: loopback, link local, unique local, multicast, NAT64's local use…
        return address.high >> 61 == 0b001 && !refusedV6.contains { $0.contains(address) }
    }

    private static let refusedV4 = networks([
        "0.0.0.0/8",  // this host
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  // private
        "100.64.0.0/10",  // carrier-grade NAT; also cloud-internal services
        "127.0.0.0/8",  // loopback
        "169.254.0.0/16",  // link local, cloud metadata
        "192.0.0.0/24", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",  // assignments, documentation
        "192.31.196.0/24", "192.52.193.0/24", "192.175.48.0/24",  // AS112, AMT
        "192.88.99.0/24",  // 6to4 relays
        "198.18.0.0/15",  // benchmarks
        "224.0.0.0/4", "240.0.0.0/4",  // multicast, reserved, broadcast
    ])

    private static let refusedV6 = networks([
        "2001::/23",  // Teredo, ORCHID, benchmarks, other assignments
        "2001:db8::/32", "3fff::/20",  // documentation
        "2620:4f:8000::/48",  // AS112
    ])

    private static func networks(_ texts: [String]) -> [CIDR] {
        texts.map { text in
            do { return try CIDR(text) } catch { fatalError("\(error)") }
        }
    }
}
