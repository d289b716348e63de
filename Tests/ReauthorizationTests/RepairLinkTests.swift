import Domain
import Reauthorization
import Sealing
import Testing

@Suite("Repair links")
struct RepairLinkTests {
    private let ring = KeyRing.generated().ring

    @Test func `a link leads back to its channel and incident`() {
        let link = RepairLink(incidentID: 42, channelID: "Магазин.1/a?b")
        let text = link.text(signedWith: ring)
        #expect(RepairLink(text: text, signedWith: ring) == link)
        #expect(text.utf8.allSatisfy { $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") })
    }

    @Test func `a changed character anywhere makes it nobody's`() {
        let text = Array(RepairLink(incidentID: 7, channelID: "shop").text(signedWith: ring))
        for index in text.indices {
            var changed = text
            changed[index] = changed[index] == "A" ? "B" : "A"
            #expect(RepairLink(text: String(changed), signedWith: ring) == nil, "changed at \(index)")
        }
    }

    @Test(arguments: [
        "", ".", "a.b.c", "a.1.b.c.d", "k.9999999999999999999.YQ.YQ", String(repeating: "a", count: 5_000),
    ])
    func `what is no link is refused`(text: String) {
        #expect(RepairLink(text: text, signedWith: ring) == nil)
    }

    @Test func `another installation's link is refused`() {
        let text = RepairLink(incidentID: 1, channelID: "shop").text(signedWith: KeyRing.generated().ring)
        #expect(RepairLink(text: text, signedWith: ring) == nil)
    }
}
