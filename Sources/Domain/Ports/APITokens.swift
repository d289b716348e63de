package import FoundationEssentials

/// A bearer token of the API as lists show it; the token itself is stored nowhere.
package struct APITokenRecord: Sendable, Equatable {
    package var id: String
    package var name: String
    /// `superadmin`, `probe`, `tenant:<id>`.
    package var role: String
    package var createdAt: Date
    package var expiresAt: Date?
    package var revokedAt: Date?

    package init(
        id: String, name: String, role: String, createdAt: Date, expiresAt: Date?, revokedAt: Date?
    ) {
        self.id = id
        self.name = name
        self.role = role
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.revokedAt = revokedAt
    }
}

/// Bearer tokens of the API, stored as digests.
package protocol APITokenDirectory: Sendable {
    /// The name and role (`superadmin`, `probe`, `tenant:<id>`) of a live token.
    func tokenHolder(digest: [UInt8]) async throws -> (name: String, role: String)?
    /// Records a token; one with the same digest stays as it is.
    func insertToken(
        id: String, name: String, digest: [UInt8], role: String, expiresAt: Date?, actor: AuditActor
    ) async throws
    func hasSuperadmin() async throws -> Bool
    /// In order of id, after `cursor`; at most `limit` (1…501).
    func tokens(after cursor: String?, limit: Int) async throws -> [APITokenRecord]
    /// False: there is no live token of this id. It opens nothing from now on.
    ///
    /// - Throws: ``APITokenError/lastSuperadmin``.
    func revokeToken(_ id: String, actor: AuditActor) async throws -> Bool
}

package enum APITokenError: Error, Sendable, Equatable {
    /// Nobody could administrate afterwards.
    case lastSuperadmin
}
