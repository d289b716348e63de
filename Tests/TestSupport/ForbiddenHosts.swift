/// Hosts that outgoing connections must never reach unless the operator allows their network, as a URL writes them.
package enum ForbiddenHosts {
    /// One of each special-purpose network of the IANA registries.
    package static let addresses = [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.255.255.254",
        "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1",
        "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
        "240.0.0.1", "255.255.255.255", "[::]", "[::1]", "[fe80::1]", "[fec0::1]", "[fc00::1]", "[fd00:ec2::254]",
        "[ff02::1]", "[2001:db8::1]", "[3fff::1]", "[100::1]", "[5f00::1]", "[2001:20::1]",
    ]

    /// The same networks in disguise: other notations, and IPv4 inside IPv6 (mapped, NAT64, 6to4, Teredo, compatible).
    package static let encodings = [
        "0x7f.1", "0x7f000001", "0X7F.0.0.1", "2130706433", "017700000001", "0177.0.0.1", "127.1", "127.0.1",
        "127.0.0.1.", "0", "10.1.258", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "192.168.257", "0xc0.0xa8.1",
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:10.0.0.1]", "[::ffff:169.254.169.254]",
        "[0:0:0:0:0:ffff:a9fe:a9fe]",
        "[64:ff9b::7f00:1]", "[64:ff9b::169.254.169.254]", "[64:ff9b:1::1]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]",
        "[2002:c0a8:1::1]", "[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "[::127.0.0.1]", "[::10.0.0.1]",
    ]

    /// Names that are internal wherever they lead.
    package static let names = [
        "localhost", "LOCALHOST.", "a.localhost", "router", "printer.local", "nas.lan", "wiki.intranet",
        "host.home.arpa",
        "metadata.google.internal", "api.default.svc", "db.default.svc.cluster.local", "METADATA.GOOGLE.INTERNAL.",
    ]

    /// Names that this machine resolves to loopback, as a rebinding name would be on its second look-up.
    package static let rebinding = ["localhost", "localhost."]
}
