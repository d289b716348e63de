import Crypto
import FoundationEssentials

extension KeyRing {
    /// Encrypts and authenticates a value for one place with the first key: AES-256-GCM, random 96-bit nonce.
    ///
    /// Costs a key derivation, some 3 µs.
    package func seal(_ plaintext: [UInt8], in context: SealContext) throws(SealingError) -> SealedValue {
        let key = keys[0]
        do {
            let box = try AES.GCM.seal(
                plaintext, using: subkey(of: key, context), authenticating: authenticatedData(kid: key.kid, context))
            // A box with a nonce of the standard size always has the combined form.
            guard let combined = box.combined else { throw SealingError.unreadable }
            return SealedValue(kid: key.kid, bytes: Array(combined))
        } catch {
            throw .unreadable
        }
    }

    /// Opens a value that was sealed for exactly this place and version.
    ///
    /// - Throws: ``SealingError/unknownKey(kid:)`` when the ring lacks the key, else ``SealingError/unreadable``.
    package func open(_ value: SealedValue, in context: SealContext) throws(SealingError) -> [UInt8] {
        guard let key = key(value.kid) else { throw .unknownKey(kid: value.kid) }
        do {
            let box = try AES.GCM.SealedBox(combined: value.bytes)
            let plaintext = try AES.GCM.open(
                box, using: subkey(of: key, context), authenticating: authenticatedData(kid: key.kid, context))
            return Array(plaintext)
        } catch {
            throw .unreadable
        }
    }

    private func subkey(of key: Key, _ context: SealContext) -> SymmetricKey {
        subkey(of: key, kind: context.kind.rawValue, tenant: context.tenant, id: context.id)
    }

    private func authenticatedData(kid: String, _ context: SealContext) -> [UInt8] {
        var data = LengthPrefixed(Self.version, context.kind.rawValue, kid, context.tenant, context.id)
        data.append(integer: context.first)
        data.append(integer: context.second)
        return data.bytes
    }
}
