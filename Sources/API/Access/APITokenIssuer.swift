package import Domain
import FoundationEssentials
import Sealing

/// Makes bearer tokens; only their digests are stored.
package struct APITokenIssuer: Sendable {
    /// A new token, to be shown once.
    package struct Issued: Sendable {
        package var record: APITokenRecord
        package var token: Secret

        package var json: JSON {
            guard case .object(var members) = JSON.apiToken(record) else { return .null }
            members["token"] = .string(token.reveal())
            return .object(members)
        }
    }

    let tokens: any APITokenDirectory

    package init(tokens: any APITokenDirectory) {
        self.tokens = tokens
    }

    /// - Parameter expiresAt: RFC 3339; nil: never.
    /// - Throws: ``IntakeError``.
    package func issue(name: String, role: String, expiresAt: String?, actor: AuditActor) async throws -> Issued {
        guard !name.isEmpty, !name.unicodeScalars.contains(where: { $0.value < 32 }) else {
            throw IntakeError("`name` must be some text without control characters")
        }
        guard TokenAuthenticator.role(role) != nil, role != "tenant:" else {
            throw IntakeError("`role` is superadmin, probe, or tenant: and the tenant's id")
        }
        var end: Date?
        if let expiresAt {
            guard let date = Date(rfc3339: expiresAt) else {
                throw IntakeError("`expiresAt` is not a time: write RFC 3339 (2026-11-21T06:00:00Z)")
            }
            end = date
        }
        let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz")
        var generator = SystemRandomNumberGenerator()
        // 40 letters of 5 bits each.
        let letters = (0..<40).map { _ in alphabet[Int.random(in: 0..<32, using: &generator)] }
        let token = Secret("twt_" + String(letters))
        let id = "tok_" + ChannelID.generated().rawValue.dropFirst(3)
        try await tokens.insertToken(
            id: id, name: name, digest: TokenDigest.of(token), role: role, expiresAt: end, actor: actor)
        return Issued(
            record: APITokenRecord(
                id: id, name: name, role: role, createdAt: Date(), expiresAt: end, revokedAt: nil), token: token)
    }
}

extension JSON {
    package static func apiToken(_ token: APITokenRecord) -> JSON {
        [
            "id": .string(token.id), "name": .string(token.name), "role": .string(token.role),
            "createdAt": JSON(token.createdAt), "expiresAt": JSON(token.expiresAt), "revokedAt": JSON(token.revokedAt),
        ]
    }

    package static func auditEntry(_ entry: AuditEntry) -> JSON {
        [
            "id": .string("\(entry.id)"), "at": JSON(entry.at), "actor": .string(entry.actor.name),
            "address": JSON(entry.actor.address), "requestId": JSON(entry.actor.requestID),
            "tenantId": JSON(entry.change.tenantID), "action": .string(entry.change.action),
            "subject": .string(entry.change.subject), "detail": JSON(entry.change.detail),
        ]
    }
}

extension Schema {
    private static let apiTokenMembers: [String: Schema] = [
        "id": string(), "name": string(), "role": string(), "createdAt": time, "expiresAt": time.orNull,
        "revokedAt": time.orNull,
    ]

    package static let apiToken = object(apiTokenMembers).named("ApiToken")

    package static let newAPIToken = object(
        apiTokenMembers.merging(["token": string("The bearer token; it is not shown again.")]) { first, _ in first }
    ).named("NewApiToken")

    package static let auditEntry = object([
        "id": string(), "at": time, "actor": string(), "address": string().orNull, "requestId": string().orNull,
        "tenantId": string().orNull, "action": string(), "subject": string(), "detail": string().orNull,
    ]).named("AuditEntry")
}
