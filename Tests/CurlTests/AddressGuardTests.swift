import Curl
import Testing

@Suite struct AddressGuardTests {
    @Test(arguments: [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.0.1",
        "169.254.169.254",
        "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1",
        "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::8.8.8.8", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1",
        "2001:db8::1", "3fff::1", "100::1", "5f00::1", "2001::1", "2001:0:4136:e378::1", "2001:20::1", "64:ff9b:1::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:10.0.0.1", "64:ff9b::10.0.0.1",
        "64:ff9b::7f00:1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:c0a8:1::1",
    ])
    func `private and reserved addresses are refused`(text: String) throws {
        #expect(!AddressGuard().allows(try #require(IPAddress(text))))
    }

    @Test(arguments: [
        "8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.1",
        "198.17.0.1",
        "198.20.0.0", "223.255.255.255", "2606:4700::1", "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
        "2002:808:808::1", "2001:4860:4860::8888",
    ])
    func `public addresses are allowed, unencrypted never`(text: String) throws {
        let address = try #require(IPAddress(text))
        #expect(AddressGuard().allows(address))
        #expect(!AddressGuard(allowedNetworks: try CIDR.list("0.0.0.0/0 ::/0")).allowsUnencrypted(to: address))
    }

    @Test func `allowed networks open private addresses, also inside IPv6`() throws {
        let guarded = AddressGuard(allowedNetworks: try CIDR.list("10.0.0.0/8 fd00::/8"))
        for text in ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fd12::1"] {
            #expect(guarded.allows(try #require(IPAddress(text))), "\(text)")
            #expect(!guarded.allowsUnencrypted(to: try #require(IPAddress(text))), "\(text)")
        }
        for text in ["192.168.0.1", "127.0.0.1", "::1", "fc00::1"] {
            #expect(!guarded.allows(try #require(IPAddress(text))), "\(text)")
        }
    }

    @Test func `unencrypted goes to loopback inside an allowed network only`() throws {
        let guarded = AddressGuard(allowedNetworks: try CIDR.list("127.0.0.0/8"))
        #expect(guarded.allowsUnencrypted(to: try #require(IPAddress("127.0.0.1"))))
        #expect(guarded.allowsUnencrypted(to: try #require(IPAddress("::ffff:127.0.0.1"))))
        #expect(!guarded.allowsUnencrypted(to: try #require(IPAddress("::1"))))
        #expect(!AddressGuard().allowsUnencrypted(to: try #require(IPAddress("127.0.0.1"))))
    }

    @Test(arguments: [
        ("0x7f.1", "127.0.0.1"), ("2130706433", "127.0.0.1"), ("0x7f000001", "127.0.0.1"), ("0177.0.0.01", "127.0.0.1"),
        ("127.1", "127.0.0.1"), ("10.1.258", "10.1.1.2"), ("017700000001", "127.0.0.1"), ("127.0.0.1.", "127.0.0.1"),
        ("[::1]", "::1"), ("[fe80::1%25eth0]", "fe80::1"), ("[::ffff:7f00:1]", "::ffff:127.0.0.1"), ("0", "0.0.0.0"),
    ])
    func `numbers that resolvers take for addresses are addresses`(host: String, address: String) throws {
        #expect(IPAddress(hostLiteral: host) == IPAddress(address))
        #expect(AddressGuard().refusal(ofHostLiteral: host) == .privateAddress)
    }

    @Test(arguments: [
        "example.com", "1.2.3.4.5", "0x", "256.1.1.1", "1.2.3.256", "4294967296", "08.1.1.1", "1..2", "", ".",
        "+1.2.3.4",
        "-1", "[::g]", "127.0.0.1.nip.io",
    ])
    func `other hosts are names`(host: String) {
        #expect(IPAddress(hostLiteral: host) == nil)
    }

    @Test(
        arguments: [
            ("https://example.com/hook", nil), ("https://hooks.slack.com:443/services/T/B/x", nil),
            ("https://8.8.8.8/", nil), ("http://example.com/", .unencrypted), ("http://8.8.8.8/", .unencrypted),
            ("ftp://example.com/", .scheme("ftp")), ("file:///etc/passwd", .notAURL), ("example.com", .notAURL),
            ("https://", .notAURL), ("", .notAURL), ("https://user:word@example.com/", .credentials),
            ("https://localhost/", .internalName), ("https://LOCALHOST./", .internalName),
            ("https://metadata.google.internal/", .internalName), ("https://api.default.svc/", .internalName),
            ("https://db.default.svc.cluster.local/", .internalName), ("https://router/", .internalName),
            ("https://0x7f.1/", .privateAddress), ("https://2130706433/", .privateAddress),
            ("https://[::ffff:10.0.0.1]/", .privateAddress), ("https://[64:ff9b::a00:1]/", .privateAddress),
        ] as [(String, DestinationRefusal?)])
    func `a destination's URL is checked when it is saved`(url: String, refusal: DestinationRefusal?) {
        #expect(AddressGuard().refusal(ofURL: url) == refusal)
    }

    @Test(
        arguments: [
            ("http://127.0.0.1:8080/", nil), ("http://localhost:8080/", nil), ("https://10.0.0.1/", .privateAddress),
            ("http://10.0.0.1/", .unencrypted), ("http://api.svc/", .unencrypted), ("https://api.default.svc/", nil),
        ] as [(String, DestinationRefusal?)])
    func `allowed networks widen what may be saved`(url: String, refusal: DestinationRefusal?) throws {
        let guarded = AddressGuard(allowedNetworks: try CIDR.list("127.0.0.0/8"))
        #expect(guarded.refusal(ofURL: url) == refusal)
    }
}
