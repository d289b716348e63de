/// Why the text of a key ring is refused.
///
/// No case carries any of the key material.
package enum KeyRingError: Error, Sendable, Equatable, CustomStringConvertible {
    case empty
    case noKid(position: Int)
    case badKid(position: Int)
    case notBase64(position: Int)
    case wrongLength(position: Int, bytes: Int)
    case duplicateKid(kid: String)

    package var description: String {
        switch self {
        case .empty:
            "The key ring is empty: set TOKENWARD_KEYS to `k1:` and the output of `openssl rand -base64 32`."
        case .noKid(let position):
            "Key \(position) of the key ring has no id: write it as `id:base64`, for example `k1:` and the output of "
                + "`openssl rand -base64 32`."
        case .badKid(let position):
            "The id of key \(position) of the key ring must be 1 to 32 letters, digits, `_` or `-`."
        case .notBase64(let position):
            "Key \(position) of the key ring is not base64: make one with `openssl rand -base64 32`."
        case .wrongLength(let position, let bytes):
            "Key \(position) of the key ring has \(bytes) bytes and must have 32: make one with "
                + "`openssl rand -base64 32`."
        case .duplicateKid(let kid):
            "The key ring has two keys with the id `\(kid)`: give each key an id of its own."
        }
    }
}
