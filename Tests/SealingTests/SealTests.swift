import Crypto
import Domain
import FoundationEssentials
import Sealing
import Testing

@Suite("Sealing")
struct SealTests {
    private let context = SealContext(kind: .credential, tenant: "t1", id: "ch1", first: 3, second: 9)

    @Test(arguments: [0, 1, 100, 1 << 20])
    func `a value opens where it was sealed`(count: Int) throws {
        let ring = try ring(("a", 1))
        let plaintext = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        let sealed = try ring.seal(plaintext, in: context)
        #expect(sealed.kid == "a")
        #expect(sealed.bytes.count == count + 28)
        #expect(try ring.open(sealed, in: context) == plaintext)
        #expect(try ring.seal(plaintext, in: context) != sealed)
    }

    @Test(arguments: [
        SealContext(kind: .journal, tenant: "t1", id: "ch1", first: 3, second: 9),
        SealContext(kind: .credential, tenant: "t2", id: "ch1", first: 3, second: 9),
        SealContext(kind: .credential, tenant: "t1c", id: "h1", first: 3, second: 9),
        SealContext(kind: .credential, tenant: "t1", id: "ch2", first: 3, second: 9),
        SealContext(kind: .credential, tenant: "t1", id: "ch1", first: 4, second: 9),
        SealContext(kind: .credential, tenant: "t1", id: "ch1", first: 3, second: 8),
    ])
    func `a value opens in no other place or version`(other: SealContext) throws {
        let ring = try ring(("a", 1))
        let sealed = try ring.seal([1, 2, 3], in: context)
        #expect(throws: SealingError.unreadable) { try ring.open(sealed, in: other) }
    }

    @Test func `a flipped bit or a cut makes a value unreadable`() throws {
        let ring = try ring(("a", 1))
        let sealed = try ring.seal([1, 2, 3, 4], in: context)
        for index in sealed.bytes.indices {
            var damaged = sealed
            damaged.bytes[index] ^= 1 << UInt8(index % 8)
            #expect(throws: SealingError.unreadable) { try ring.open(damaged, in: context) }
            let cut = SealedValue(kid: "a", bytes: Array(sealed.bytes.prefix(index)))
            #expect(throws: SealingError.unreadable) { try ring.open(cut, in: context) }
        }
    }

    @Test func `an older key still opens, a missing one is named, a wrong one is noticed`() throws {
        let sealed = try ring(("old", 1)).seal([5], in: context)
        #expect(try ring(("new", 2), ("old", 1)).open(sealed, in: context) == [5])
        #expect(throws: SealingError.unknownKey(kid: "old")) { try ring(("new", 2)).open(sealed, in: context) }
        #expect(throws: SealingError.unreadable) { try ring(("old", 2)).open(sealed, in: context) }
        var renamed = sealed
        renamed.kid = "other"
        #expect(throws: SealingError.unreadable) { try ring(("old", 2), ("other", 1)).open(renamed, in: context) }
    }

    @Test func `the format is the protocol's`() throws {
        func prefixed(_ text: String) -> [UInt8] { [0, 0, 0, UInt8(text.utf8.count)] + Array(text.utf8) }
        let subkey = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: [UInt8](repeating: 1, count: 32)), salt: Array("tokenward/1".utf8),
            info: prefixed("credential") + prefixed("t1") + prefixed("ch1"), outputByteCount: 32)
        let data =
            ["tokenward/1", "credential", "a", "t1", "ch1"].flatMap(prefixed)
            + [0, 0, 0, 0, 0, 0, 0, 3] + [0, 0, 0, 0, 0, 0, 0, 9]
        let box = try AES.GCM.seal([1, 2, 3] as [UInt8], using: subkey, authenticating: data)
        let value = SealedValue(kid: "a", bytes: Array(try #require(box.combined)))
        #expect(try ring(("a", 1)).open(value, in: context) == [1, 2, 3])
    }
}
