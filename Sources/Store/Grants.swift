package import Domain
import FoundationEssentials
import Postgres
import Sealing

/// New grants (PROTOCOL §4 Q1'''): import, paste, authorization. They supersede whatever is in flight.
extension Store {
    /// The next attempt number of a locked fence row: never lower than the database's microseconds.
    static let nextAttempt = "greatest(attempt + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::int8)"

    /// Writes a grant over a channel's own; the caller has locked the fence row and read `attempt`.
    func write(
        _ grant: NewGrant, channel: ChannelID, tenant: String, attempt: Int64, status: ChannelStatus, actor: AuditActor,
        origin: GrantOrigin = .replaced, on connection: PostgresConnection
    ) async throws {
        let sealed = try seal(grant.credential, tenant: tenant, channel: channel, grant: attempt, written: attempt)
        let dueAt = status == .paused ? nil : grant.dueAt
        try await connection.query(
            """
            WITH was AS (SELECT reason FROM schedule WHERE channel_id = $1),
            f AS (
              UPDATE schedule SET attempt = $2, grant_id = $2, written = $2, lease_until = NULL, doubt = false, fails = 0,
                     denials = 0, status = $3, reason = NULL, due_at = $4 WHERE channel_id = $1),
            c AS (
              UPDATE credentials SET written = $2, epoch = epoch + 1, kid = $5, sealed = $6, has_refresh_token = $7,
                     scopes = $8, access_issued_at = $9, access_expires_at = $10, refresh_expires_at = $11,
                     human_deadline_at = $12 WHERE channel_id = $1),
            d AS (DELETE FROM conditions WHERE channel_id = $1),
            a AS (
              INSERT INTO audit (channel_id, attempt, outcome, actor, message)
              VALUES ($1, $2, $14, $13, $15 || ' by ' || $13) ON CONFLICT DO NOTHING)
            INSERT INTO event (channel_id, attempt, kind, reason)
            SELECT $1, $2, 'recovered', reason FROM was WHERE reason IS NOT NULL
            """,
            [
                .text(channel.rawValue), .int8(attempt), .int2(status.rawValue),
                dueAt.map { .timestamptz($0) } ?? .null,
                .text(sealed.kid), .bytea(sealed.bytes), .bool(grant.credential.refreshToken != nil),
                .textArray(grant.credential.scopes), grant.accessIssuedAt.map { .timestamptz($0) } ?? .null,
                grant.accessExpiresAt.map { .timestamptz($0) } ?? .null,
                grant.refreshExpiresAt.map { .timestamptz($0) } ?? .null,
                grant.humanDeadlineAt.map { .timestamptz($0) } ?? .null, .text(actor.name), .text(origin.rawValue),
                .text(origin.words),
            ])
    }

    package func replaceCredential(
        of id: ChannelID, tenantID: String?, with grant: NewGrant, actor: AuditActor
    ) async throws -> Bool {
        try await transaction { connection in
            guard let fence = try await lock(id, tenantID: tenantID, on: connection), fence.status != .disconnected
            else { return false }
            try await write(
                grant, channel: id, tenant: fence.tenant, attempt: fence.next,
                status: fence.status == .paused ? .paused : .active, actor: actor, on: connection)
            try await touch(id, on: connection)
            try await note(
                AuditChange(action: "channel.credential_replaced", tenantID: fence.tenant, subject: id.rawValue),
                by: actor, on: connection)
            return true
        }
    }

    /// A fence row locked by this transaction (W1), with its tenant and the number of the next attempt.
    struct LockedFence {
        var tenant: String
        var provider: String
        var appID: String
        var externalID: String?
        var status: ChannelStatus
        var reason: WarningReason?
        var isHeld: Bool
        var grantID: Int64
        var written: Int64
        var next: Int64
    }

    func lock(_ id: ChannelID, tenantID: String?, on connection: PostgresConnection) async throws -> LockedFence? {
        let result = try await connection.query(
            """
            SELECT c.tenant_id, c.external_id, s.provider, s.app_id, s.status, s.reason, s.lease_until IS NOT NULL AS held, s.grant_id, s.written,
                   \(Self.nextAttempt) AS next
              FROM schedule s JOIN channels c ON c.id = s.channel_id
             WHERE s.channel_id = $1 AND ($2::text IS NULL OR c.tenant_id = $2) FOR NO KEY UPDATE OF s
            """, [.text(id.rawValue), tenantID.map { .text($0) } ?? .null])
        return try result.rows.first.map { row in
            LockedFence(
                tenant: try row.text("tenant_id"), provider: try row.text("provider"), appID: try row.text("app_id"),
                externalID: try row.textOrNil("external_id"),
                status: ChannelStatus(rawValue: try row.int2("status")) ?? .active,
                reason: try row.textOrNil("reason").flatMap(WarningReason.init), isHeld: try row.bool("held"),
                grantID: try row.int8("grant_id"), written: try row.int8("written"), next: try row.int8("next"))
        }
    }

    func touch(_ id: ChannelID, on connection: PostgresConnection) async throws {
        try await connection.query("UPDATE channels SET updated_at = now() WHERE id = $1", [.text(id.rawValue)])
    }
}

/// Where a grant came from; the raw value is the audit's outcome.
enum GrantOrigin: String {
    /// By hand: an import, the API, a paste.
    case replaced = "credential_replaced"
    /// A consent at the provider.
    case reauthorized

    var words: String {
        switch self {
        case .replaced: "Credential replaced"
        case .reauthorized: "Channel re-authorized"
        }
    }
}
