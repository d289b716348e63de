import Crypto
package import Domain
import FoundationEssentials

/// PKCE by S256 (RFC 7636): the challenge goes with the consent, the verifier with the code.
package struct ProofKey: Sendable {
    package let verifier: Secret

    /// 32 random bytes, 43 characters.
    package init() {
        verifier = Secret(Base64URL.text(RandomBytes.make(32)))
    }

    package init(verifier: Secret) {
        self.verifier = verifier
    }

    package var challenge: String {
        Base64URL.text(Array(SHA256.hash(data: Array(verifier.reveal().utf8))))
    }
}

/// Bytes nobody can guess, from the system's generator.
package enum RandomBytes {
    package static func make(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}
