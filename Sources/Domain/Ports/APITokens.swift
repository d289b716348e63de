package import FoundationEssentials

/// Bearer tokens of the API, stored as digests.
package protocol APITokenDirectory: Sendable {
    /// The name and role (`superadmin`, `probe`, `tenant:<id>`) of a live token.
    func tokenHolder(digest: [UInt8]) async throws -> (name: String, role: String)?
    /// Records a token; one with the same digest stays as it is.
    func insertToken(id: String, name: String, digest: [UInt8], role: String, expiresAt: Date?) async throws
    func hasSuperadmin() async throws -> Bool
}
