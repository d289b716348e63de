import Crypto
import FoundationEssentials

/// RFC 7636's S256: base64url of the verifier's SHA-256, without padding.
func pkceChallenge(_ verifier: String) -> String {
    let encoded = Data(SHA256.hash(data: Data(verifier.utf8))).base64EncodedString()
    return String(
        encoded.compactMap { character -> Character? in
            switch character {
            case "+": "-"
            case "/": "_"
            case "=": nil
            default: character
            }
        })
}

/// The first 12 hexadecimal digits of a token's SHA-256: enough to compare, nothing to use.
func tokenDigest(_ token: String) -> String {
    SHA256.hash(data: Data(token.utf8)).prefix(6).map { byte in
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
}

/// Client id and secret of an `Authorization: Basic` header.
func basicCredentials(_ header: String) -> (id: String, secret: String)? {
    guard header.lowercased().hasPrefix("basic "), let bytes = Data(base64Encoded: trimmed(header.dropFirst(6))) else {
        return nil
    }
    let parts = String(decoding: bytes, as: UTF8.self).split(
        separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    return (percentDecoded(parts[0]), percentDecoded(parts[1]))
}
