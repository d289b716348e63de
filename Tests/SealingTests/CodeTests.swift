import Domain
import Sealing
import Testing

@Suite("Codes")
struct CodeTests {
    @Test func `a check value tells keys apart`() throws {
        let first = try ring(("a", 1), ("b", 2))
        let second = try ring(("a", 2))
        #expect(first.opens(checkValue: first.checkValue(kid: "a"), kid: "a"))
        #expect(!first.opens(checkValue: first.checkValue(kid: "b"), kid: "a"))
        #expect(!second.opens(checkValue: first.checkValue(kid: "a"), kid: "a"))
        #expect(first.checkValue(kid: "none").isEmpty)
        #expect(!first.opens(checkValue: [], kid: "none"))
        #expect(!first.opens(checkValue: [], kid: "a"))
    }

    @Test func `a link is good for its purpose, incident and channel alone`() throws {
        let ring = try ring(("a", 1))
        let code = ring.linkCode(purpose: "reauthorize", incident: "12", channel: "ch")
        #expect(ring.isValid(code, purpose: "reauthorize", incident: "12", channel: "ch"))
        #expect(!ring.isValid(code, purpose: "acknowledge", incident: "12", channel: "ch"))
        #expect(!ring.isValid(code, purpose: "reauthorize", incident: "1", channel: "2ch"))
        #expect(!ring.isValid(code, purpose: "reauthorize", incident: "12", channel: ""))
        var forged = code
        forged.bytes[0] ^= 1
        #expect(!ring.isValid(forged, purpose: "reauthorize", incident: "12", channel: "ch"))
        forged = code
        forged.bytes.removeLast()
        #expect(!ring.isValid(forged, purpose: "reauthorize", incident: "12", channel: "ch"))
    }

    @Test func `a link lives as long as its key is in the ring`() throws {
        let code = try ring(("a", 1)).linkCode(purpose: "p", incident: "i", channel: "c")
        #expect(try ring(("b", 2), ("a", 1)).isValid(code, purpose: "p", incident: "i", channel: "c"))
        #expect(try !ring(("b", 2)).isValid(code, purpose: "p", incident: "i", channel: "c"))
    }

    @Test func `an authentication code is bound to its kind and place`() throws {
        let ring = try ring(("a", 1))
        let code = ring.authenticationCode(for: [1, 2], kind: .cookie, tenant: "t", id: "x")
        #expect(ring.isValid(authenticationCode: code, for: [1, 2], kind: .cookie, tenant: "t", id: "x", kid: "a"))
        #expect(!ring.isValid(authenticationCode: code, for: [1, 2], kind: .link, tenant: "t", id: "x", kid: "a"))
        #expect(!ring.isValid(authenticationCode: code, for: [1, 2], kind: .cookie, tenant: "t", id: "y", kid: "a"))
        #expect(!ring.isValid(authenticationCode: code, for: [1], kind: .cookie, tenant: "t", id: "x", kid: "a"))
        #expect(!ring.isValid(authenticationCode: code, for: [1, 2], kind: .cookie, tenant: "t", id: "x", kid: "b"))
    }

    @Test func `equal values have equal digests of one purpose and key`() throws {
        let ring = try ring(("b", 2), ("a", 1))
        #expect(ring.keyedDigest(of: [1], purpose: "grant") == ring.keyedDigest(of: [1], purpose: "grant"))
        #expect(ring.keyedDigest(of: [1], purpose: "grant") != ring.keyedDigest(of: [2], purpose: "grant"))
        #expect(ring.keyedDigest(of: [1], purpose: "grant") != ring.keyedDigest(of: [1], purpose: "other"))
        let digests = ring.keyedDigests(of: [1], purpose: "grant")
        #expect(digests.map(\.kid) == ["b", "a"])
        #expect(digests[0].digest == ring.keyedDigest(of: [1], purpose: "grant"))
        #expect(try digests[1].digest == SealingTests.ring(("a", 1)).keyedDigest(of: [1], purpose: "grant"))
    }

    @Test func `a token is stored by its SHA-256`() {
        let digest = TokenDigest.of(Secret("abc"))
        #expect(digest.prefix(4) == [0xba, 0x78, 0x16, 0xbf])
        #expect(digest.count == 32)
    }
}
