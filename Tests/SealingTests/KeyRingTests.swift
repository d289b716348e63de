import Domain
import FoundationEssentials
import Sealing
import Testing

/// A ring whose keys consist of one repeated byte each.
func ring(_ keys: (kid: String, byte: UInt8)...) throws -> KeyRing {
    let parts = keys.map { "\($0.kid):\(Data(repeating: $0.byte, count: 32).base64EncodedString())" }
    return try KeyRing(parsing: Secret(parts.joined(separator: ",")))
}

@Suite("Key ring")
struct KeyRingTests {
    private static let key = Data(repeating: 7, count: 32).base64EncodedString()
    private static let other = Data(repeating: 8, count: 32).base64EncodedString()

    @Test(arguments: [
        "a:\(key),b:\(other)", "a:\(key)\nb:\(other)\n", " a:\(key) ,\r\n b:\(other),", "a: \(key)\n\nb:\(other)\t",
    ])
    func `keys are read by comma or line, the first seals`(text: String) throws {
        let ring = try KeyRing(parsing: Secret(text))
        #expect(ring.kids == ["a", "b"])
        #expect(ring.sealingKid == "a")
    }

    @Test(arguments: [
        ("", KeyRingError.empty), (" \n,, ", .empty),
        (key, .noKid(position: 1)),
        (":\(key)", .badKid(position: 1)), ("a b:\(key)", .badKid(position: 1)), ("ä:\(key)", .badKid(position: 1)),
        ("\(String(repeating: "k", count: 33)):\(key)", .badKid(position: 1)),
        ("a:\(key),b:", .notBase64(position: 2)), ("a:?!", .notBase64(position: 1)),
        ("a:\(key) x", .notBase64(position: 1)), ("a:\(key.dropLast())", .notBase64(position: 1)),
        ("a:AAAA", .wrongLength(position: 1, bytes: 3)),
        ("a:\(key),a:\(other)", .duplicateKid(kid: "a")),
    ])
    func `a bad ring is refused with one sentence`(text: String, error: KeyRingError) {
        #expect(throws: error) { try KeyRing(parsing: Secret(text)) }
        #expect(error.description.hasSuffix("."))
        #expect(!error.description.contains(Self.key.prefix(8)))
    }

    @Test func `a generated ring is read back from its text`() throws {
        let (ring, text) = KeyRing.generated()
        let again = try KeyRing(parsing: text)
        #expect(again.kids == ring.kids)
        let context = SealContext(kind: .app, id: "x")
        #expect(try again.open(ring.seal([1, 2, 3], in: context), in: context) == [1, 2, 3])
        #expect(KeyRing.generated().text != text)
    }

    @Test func `printing a ring shows ids only`() throws {
        let ring = try ring(("main", 7))
        var dumped = ""
        dump(ring, to: &dumped)
        #expect("\(ring)" == "KeyRing(main)")
        #expect(String(reflecting: ring) == "KeyRing(main)")
        #expect(!dumped.contains("SymmetricKey") && !dumped.contains(Self.key))
    }
}
