import Curl
import Testing

@Suite struct CIDRTests {
    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false), ("0.0.0.0/0", "8.8.8.8", true),
        ("0.0.0.0/0", "2000::1", false), ("192.168.1.7", "192.168.1.7", true), ("192.168.1.7", "192.168.1.8", false),
        ("172.16.0.0/12", "172.31.255.255", true), ("172.16.0.0/12", "172.32.0.0", false), ("::/0", "fe80::1", true),
        ("fd00::/8", "fd12:3456::1", true), ("fd00::/8", "fc00::1", false), ("2001:db8::/33", "2001:db8:8000::", false),
        ("2001:db8:0:1::/64", "2001:db8:0:1:ffff::", true), ("2001:db8:0:1::/64", "2001:db8:0:2::", false),
        ("::1", "::1", true), ("::1/128", "::2", false), ("2001:db8::/127", "2001:db8::1", true),
    ])
    func `contains exactly the addresses with its prefix`(network: String, address: String, isInside: Bool) throws {
        #expect(try CIDR(network).contains(#require(IPAddress(address))) == isInside)
    }

    @Test(arguments: ["", "10.0.0", "10.0.0.0.0/8", "example.com", "0x0a.0.0.0/8", "10.0.0.0 /8", "/8"])
    func `what is no address is refused`(text: String) {
        #expect(throws: CIDRError.notAnAddress(text)) { try CIDR(text) }
    }

    @Test(arguments: ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "fd00::/129"])
    func `what is no prefix length is refused`(text: String) {
        #expect(throws: CIDRError.badPrefixLength(text, bitsMax: text.hasPrefix("fd") ? 128 : 32)) { try CIDR(text) }
    }

    @Test func `bits beyond the prefix are refused with the network that may be meant`() {
        #expect(throws: CIDRError.hostBits("10.1.2.3/8", network: "10.0.0.0/8")) { try CIDR("10.1.2.3/8") }
        #expect(throws: CIDRError.hostBits("fd00::1/64", network: "fd00::/64")) { try CIDR("fd00::1/64") }
    }

    @Test func `lists are separated by commas or white space`() throws {
        #expect(
            try CIDR.list(" 10.0.0.0/8,127.0.0.1\n::1 ").map(\.description) == [
                "10.0.0.0/8", "127.0.0.1/32", "::1/128",
            ])
        #expect(try CIDR.list("").isEmpty)
        #expect(throws: CIDRError.notAnAddress("x")) { try CIDR.list("10.0.0.0/8,x") }
    }
}
