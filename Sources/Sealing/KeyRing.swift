import Crypto
package import Domain
import FoundationEssentials

/// The installation's keys: the first seals, every one opens (PROTOCOL §10).
///
/// Printing or reflecting a ring shows key ids only.
package struct KeyRing: Sendable {
    struct Key: Sendable {
        let kid: String
        let material: SymmetricKey
    }

    /// Never empty; ids are unique.
    let keys: [Key]

    /// Reads `kid:base64(32 bytes)`, separated by commas or line breaks; the first key is the one that seals.
    ///
    /// Blank parts (a trailing comma or line break) are passed over.
    ///
    /// - Throws: ``KeyRingError``; its sentence names the key by position and never shows any of the text.
    package init(parsing text: Secret) throws(KeyRingError) {
        var keys: [Key] = []
        let parts = text.reveal().split(whereSeparator: { $0 == "," || $0.isNewline })
            .map { $0.drop(while: \.isWhitespace) }.filter { !$0.isEmpty }
        for (index, part) in parts.enumerated() {
            let key = try Self.parse(part, position: index + 1)
            guard !keys.contains(where: { $0.kid == key.kid }) else { throw .duplicateKid(kid: key.kid) }
            keys.append(key)
        }
        guard !keys.isEmpty else { throw .empty }
        self.keys = keys
    }

    private init(keys: [Key]) {
        self.keys = keys
    }

    private static func parse(_ part: Substring, position: Int) throws(KeyRingError) -> Key {
        guard let colon = part.firstIndex(of: ":") else { throw .noKid(position: position) }
        let kid = String(part[..<colon])
        guard isKid(kid) else { throw .badKid(position: position) }
        var encoded = part[part.index(after: colon)...].drop(while: \.isWhitespace)
        while let last = encoded.last, last.isWhitespace { encoded.removeLast() }
        guard let material = Data(base64Encoded: String(encoded)), !encoded.isEmpty else {
            throw .notBase64(position: position)
        }
        guard material.count == 32 else { throw .wrongLength(position: position, bytes: material.count) }
        return Key(kid: kid, material: SymmetricKey(data: material))
    }

    /// Whether a text may name a key: 1 to 32 letters, digits, `_` or `-`.
    package static func isKid(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// A ring of one new random key, and the text that ``init(parsing:)`` reads it from.
    package static func generated() -> (ring: KeyRing, text: Secret) {
        let material = SymmetricKey(size: .bits256)
        let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz")
        var generator = SystemRandomNumberGenerator()
        let kid = "k" + String((0..<8).map { _ in alphabet[Int.random(in: 0..<32, using: &generator)] })
        let encoded = unsafe material.withUnsafeBytes { unsafe Data($0) }.base64EncodedString()
        return (KeyRing(keys: [Key(kid: kid, material: material)]), Secret("\(kid):\(encoded)"))
    }

    /// The key that seals.
    package var sealingKid: String { keys[0].kid }

    /// All keys in their order; the first is ``sealingKid``.
    package var kids: [String] { keys.map(\.kid) }

    /// The key of one kind and place: HKDF-SHA256 over the ring key.
    func subkey(of key: Key, kind: String, tenant: String, id: String) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: key.material, salt: Self.salt, info: LengthPrefixed(kind, tenant, id).bytes,
            outputByteCount: 32)
    }

    func key(_ kid: String) -> Key? { keys.first { $0.kid == kid } }

    static let version = "tokenward/1"
    private static let salt = Array(version.utf8)
}

extension KeyRing: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "KeyRing(\(kids.joined(separator: ", ")))" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["kids": kids]) }
}
