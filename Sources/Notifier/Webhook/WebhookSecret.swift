import Crypto
package import Domain
import FoundationEssentials

/// The signing keys of a webhook: `whsec_` and base64 of 24 to 64 bytes; two while one replaces the other.
package struct WebhookSecret: Sendable {
    /// Begun with each key, which costs as much as signing a short message.
    private let codes: [HMAC<SHA256>]

    static let keyBytes = 24...64
    static let keysMax = 3

    /// - Parameter text: one secret, or several separated by spaces or commas, the newest first.
    package init(parsing text: Secret) throws(DestinationError) {
        let parts = text.reveal().split { $0 == " " || $0 == "," }
        guard !parts.isEmpty, parts.count <= Self.keysMax else { throw .secret }
        var codes: [HMAC<SHA256>] = []
        for part in parts {
            guard part.hasPrefix("whsec_"), let key = Data(base64Encoded: Data(part.utf8.dropFirst(6))),
                Self.keyBytes.contains(key.count)
            else { throw .secret }
            codes.append(HMAC(key: SymmetricKey(data: key)))
        }
        self.codes = codes
    }

    /// A new secret of 32 random bytes.
    package static func generated() -> Secret {
        // The system's generator is the kernel's, fit for keys.
        var generator = SystemRandomNumberGenerator()
        let key = (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }
        return Secret("whsec_" + Data(key).base64EncodedString())
    }

    /// The `webhook-signature` header: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`, one for each key.
    func signature(id: String, timestamp: Int64, body: [UInt8]) -> String {
        codes.map { begun in
            var code = begun
            code.update(data: Array("\(id).\(timestamp).".utf8))
            code.update(data: body)
            return "v1," + Data(code.finalize()).base64EncodedString()
        }.joined(separator: " ")
    }
}
