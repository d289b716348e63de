import Domain
import FoundationEssentials
import Reauthorization
import Sealing
import Testing

@Suite("Repair links and rings")
struct RepairLinkRingTests {
    @Test(arguments: ["shop-1", "a", "café.☕.中文", "a.b.c", "a/b?c#d e", String(repeating: "x", count: 200)])
    func `a link comes back as it was made and fits into a URL`(_ id: String) throws {
        let ring = try testRing("k1")
        let link = RepairLink(incidentID: 42, channelID: ChannelID(rawValue: id))
        let text = link.text(signedWith: ring)
        #expect(RepairLink(text: text, signedWith: ring) == link)
        #expect(
            text.utf8.allSatisfy {
                Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.".utf8).contains($0)
            })
    }

    @Test func `no part of another link fits`() throws {
        let ring = try testRing("k1")
        let text = RepairLink(incidentID: 42, channelID: "shop-1").text(signedWith: ring)
        let other = RepairLink(incidentID: 43, channelID: "shop-2").text(signedWith: ring)
        let parts = text.split(separator: ".").map(String.init)
        let others = other.split(separator: ".").map(String.init)
        for index in 1...3 {
            var mixed = parts
            mixed[index] = others[index]
            #expect(RepairLink(text: mixed.joined(separator: "."), signedWith: ring) == nil)
        }
        for cut in 0..<text.count { #expect(RepairLink(text: String(text.prefix(cut)), signedWith: ring) == nil) }
        let malformed = [
            text + ".", text + ".x", "." + text, "k9." + parts.dropFirst().joined(separator: "."), "...", "",
            "k1.9223372036854775808.\(parts[2]).\(parts[3])", "k1.+42.\(parts[2]).\(parts[3])x", "k1.42.!!.\(parts[3])",
            "k1.42.\(parts[2]).", "k1.42..\(parts[3])", text + String(repeating: "A", count: 2_000),
        ]
        for text in malformed { #expect(RepairLink(text: text, signedWith: ring) == nil, "\(text)") }
    }

    @Test func `a link lives as long as its key is in the ring and is another installation's otherwise`() throws {
        let text = RepairLink(incidentID: 1, channelID: "c").text(signedWith: try testRing("k1"))
        #expect(RepairLink(text: text, signedWith: try testRing("k2", "k1")) != nil)
        #expect(RepairLink(text: text, signedWith: try testRing("k2")) == nil)
        #expect(RepairLink(text: text, signedWith: KeyRing.generated().ring) == nil)
    }
}

/// A ring of fixed keys, each its own.
func testRing(_ kids: String...) throws -> KeyRing {
    try KeyRing(
        parsing: Secret(
            kids.map { kid in
                let seed = kid.utf8.reduce(UInt8(0)) { $0 &+ $1 }
                return kid + ":" + Data((0..<32).map { seed &+ UInt8($0) }).base64EncodedString()
            }.joined(separator: ",")))
}
