import Crypto
package import Domain
import FoundationEssentials

extension KeyRing {
    /// 32 bytes that show, without telling anything about it, which key goes by this id; empty for an unknown id.
    package func checkValue(kid: String) -> [UInt8] {
        guard let key = key(kid) else { return [] }
        return code(for: LengthPrefixed(Self.version, kid).bytes, key: key, kind: "check", tenant: "", id: kid)
    }

    /// Whether a stored check value belongs to the key of this id.
    ///
    /// Constant time.
    package func opens(checkValue: [UInt8], kid: String) -> Bool {
        guard key(kid) != nil else { return false }
        return Self.isEqual(checkValue, self.checkValue(kid: kid))
    }

    /// A message authentication code (HMAC-SHA256, 32 bytes) with the first key, bound to a kind and place.
    package func authenticationCode(
        for message: [UInt8], kind: SealKind, tenant: String = "", id: String = ""
    ) -> [UInt8] {
        code(for: message, key: keys[0], kind: kind.rawValue + "/mac", tenant: tenant, id: id)
    }

    /// Whether the key `kid` made this code for this message; false for an unknown key.
    ///
    /// Constant time.
    package func isValid(
        authenticationCode code: [UInt8], for message: [UInt8], kind: SealKind, tenant: String = "", id: String = "",
        kid: String
    ) -> Bool {
        guard let key = key(kid) else { return false }
        return Self.isEqual(
            code, self.code(for: message, key: key, kind: kind.rawValue + "/mac", tenant: tenant, id: id))
    }

    /// A keyed digest (32 bytes) by which equal values are recognized, and nothing else learned, with the first key.
    ///
    /// - Parameter purpose: digests of different purposes cannot be compared.
    package func keyedDigest(of value: [UInt8], purpose: String) -> [UInt8] {
        code(for: value, key: keys[0], kind: "digest", tenant: "", id: purpose)
    }

    /// The digests of a value under every key of the ring, in its order: a stored digest may be of an older key.
    package func keyedDigests(of value: [UInt8], purpose: String) -> [(kid: String, digest: [UInt8])] {
        keys.map { ($0.kid, code(for: value, key: $0, kind: "digest", tenant: "", id: purpose)) }
    }

    private func code(for message: [UInt8], key: Key, kind: String, tenant: String, id: String) -> [UInt8] {
        let subkey = subkey(of: key, kind: kind, tenant: tenant, id: id)
        return Array(HMAC<SHA256>.authenticationCode(for: message, using: subkey))
    }

    /// Compares every byte whatever the result; lengths are no secret.
    package static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

/// The code of a link in a message: which key made it, and the authentication code itself.
package struct LinkCode: Sendable, Hashable {
    package var kid: String
    package var bytes: [UInt8]

    package init(kid: String, bytes: [UInt8]) {
        self.kid = kid
        self.bytes = bytes
    }
}

extension KeyRing {
    /// Signs a link: it is good for one purpose, incident and channel (PROTOCOL §8).
    package func linkCode(purpose: String, incident: String, channel: String) -> LinkCode {
        let message = Self.linkMessage(purpose: purpose, incident: incident, channel: channel, kid: sealingKid)
        return LinkCode(kid: sealingKid, bytes: authenticationCode(for: message, kind: .link))
    }

    /// Whether a link's code was made here for exactly these.
    ///
    /// Constant time.
    package func isValid(_ code: LinkCode, purpose: String, incident: String, channel: String) -> Bool {
        let message = Self.linkMessage(purpose: purpose, incident: incident, channel: channel, kid: code.kid)
        return isValid(authenticationCode: code.bytes, for: message, kind: .link, kid: code.kid)
    }

    private static func linkMessage(purpose: String, incident: String, channel: String, kid: String) -> [UInt8] {
        LengthPrefixed(version, purpose, incident, channel, kid).bytes
    }
}

/// How an API token is stored: a plain SHA-256, enough for a token of 128 random bits or more.
package enum TokenDigest {
    /// 32 bytes.
    package static func of(_ token: Secret) -> [UInt8] {
        Array(SHA256.hash(data: Array(token.reveal().utf8)))
    }
}
