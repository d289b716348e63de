/// What a sealed value is; every kind has keys of its own, so that a value cannot serve as another kind (PROTOCOL §10).
package enum SealKind: String, Sendable, CaseIterable {
    case credential
    case journal
    case authorization
    case app
    case destination
    case cookie
    case link
}

/// The place a sealed value belongs to: it opens nowhere else.
package struct SealContext: Sendable, Hashable {
    package var kind: SealKind
    /// Empty for what belongs to the installation.
    package var tenant: String
    /// The channel, app, destination or flow.
    package var id: String
    /// The grant's number; zero where there are no grants.
    package var first: Int64
    /// The version: the attempt that wrote the value, or the attempt of a journal entry.
    package var second: Int64

    package init(kind: SealKind, tenant: String = "", id: String, first: Int64 = 0, second: Int64 = 0) {
        self.kind = kind
        self.tenant = tenant
        self.id = id
        self.first = first
        self.second = second
    }
}

/// An encrypted value and the id of the key that opens it.
package struct SealedValue: Sendable, Hashable {
    package var kid: String
    /// nonce (12 bytes) ‖ ciphertext ‖ tag (16 bytes).
    package var bytes: [UInt8]

    package init(kid: String, bytes: [UInt8]) {
        self.kid = kid
        self.bytes = bytes
    }
}

/// Why a value does not open.
package enum SealingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The ring lacks the key.
    case unknownKey(kid: String)
    /// Damaged, cut, or sealed for another place or version.
    case unreadable

    package var description: String {
        switch self {
        case .unknownKey(let kid):
            "The key ring has no key `\(kid)`: add it to TOKENWARD_KEYS behind the first key."
        case .unreadable:
            "A sealed value does not open: it was damaged, moved from another row, or rolled back; "
                + "restore it or connect again."
        }
    }
}
