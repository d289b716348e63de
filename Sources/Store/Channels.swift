package import Domain
import FoundationEssentials
import Postgres
import Sealing

/// Reading channels for people and applications.
extension Store: ChannelDirectory {
    package func channel(_ id: ChannelID, tenantID: String?) async throws -> Channel? {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                "\(Self.channelSelect) WHERE c.id = $1 AND ($2::text IS NULL OR c.tenant_id = $2)",
                [.text(id.rawValue), tenantID.map { .text($0) } ?? .null])
        }
        return try result.rows.first.map(channel)
    }

    package func token(of id: ChannelID, tenantID: String?) async throws -> StoredToken? {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT s.provider, s.status, s.reason, s.grant_id, k.written, k.tenant_id, k.kid, k.sealed, k.epoch,
                       k.access_issued_at, k.access_expires_at, now() AS now
                  FROM schedule s JOIN credentials k USING (channel_id)
                 WHERE s.channel_id = $1 AND s.status <> 4 AND ($2::text IS NULL OR k.tenant_id = $2)
                """, [.text(id.rawValue), tenantID.map { .text($0) } ?? .null])
        }
        guard let row = result.rows.first else { return nil }
        let credential = try open(
            SealedValue(kid: try row.text("kid"), bytes: try row.bytea("sealed")), tenant: try row.text("tenant_id"),
            channel: id, grant: try row.int8("grant_id"), written: try row.int8("written")
        ).get()
        return StoredToken(
            channelID: id, provider: try row.text("provider"), credential: credential,
            issuedAt: try row.dateOrNil("access_issued_at"), expiresAt: try row.dateOrNil("access_expires_at"),
            epoch: try row.int8("epoch"), status: ChannelStatus(rawValue: try row.int2("status")) ?? .active,
            reason: try row.textOrNil("reason").flatMap(WarningReason.init), databaseTime: try row.date("now"))
    }

    static let channelSelect = """
        SELECT c.id, c.tenant_id, c.user_id, c.provider, c.display_name, c.local_name, c.external_id,
               c.meta::text AS meta, c.created_at, c.updated_at, s.status, s.reason, s.due_at, s.fails, s.grant_id,
               k.written, k.kid, k.sealed, k.epoch, k.scopes, k.has_refresh_token, k.access_issued_at,
               k.access_expires_at, k.refresh_expires_at, k.human_deadline_at, k.last_refresh_at,
               x.code, x.message, x.since, x.last_outcome, x.last_error
          FROM channels c JOIN schedule s ON s.channel_id = c.id JOIN credentials k ON k.channel_id = c.id
          LEFT JOIN conditions x ON x.channel_id = c.id
        """

    func channel(_ row: PostgresRow) throws -> Channel {
        let id = ChannelID(rawValue: try row.text("id"))
        let tenant = try row.text("tenant_id")
        let status = ChannelStatus(rawValue: try row.int2("status")) ?? .active
        let reason = try row.textOrNil("reason").flatMap(WarningReason.init)
        let lastRefreshAt = try row.dateOrNil("last_refresh_at")
        // Connection parameters are sealed with the tokens, so that nobody moves a channel to another host in SQL.
        let credential = try? open(
            SealedValue(kid: try row.text("kid"), bytes: try row.bytea("sealed")), tenant: tenant, channel: id,
            grant: try row.int8("grant_id"), written: try row.int8("written")
        ).get()
        return Channel(
            id: id, tenantID: tenant, userID: try row.textOrNil("user_id"), provider: try row.text("provider"),
            displayName: try row.textOrNil("display_name"), localName: try row.textOrNil("local_name"),
            externalID: try row.textOrNil("external_id"), parameters: credential?.parameters ?? [:],
            meta: try row.text("meta"), scopes: try row.textArray("scopes").compactMap { $0 }, status: status,
            warning: status == .warning
                ? reason.map {
                    Channel.Warning(
                        reason: $0, code: (try? row.textOrNil("code")) ?? nil,
                        message: (try? row.textOrNil("message")) ?? nil, since: (try? row.dateOrNil("since")) ?? nil)
                } : nil,
            hasRefreshToken: try row.bool("has_refresh_token"), accessIssuedAt: try row.dateOrNil("access_issued_at"),
            accessExpiresAt: try row.dateOrNil("access_expires_at"),
            refreshExpiresAt: try row.dateOrNil("refresh_expires_at"), lastRefreshAt: lastRefreshAt,
            nextRefreshAt: try row.dateOrNil("due_at"), humanDeadline: try row.dateOrNil("human_deadline_at"),
            consecutiveFailures: Int(try row.int4("fails")),
            lastOutcome: try row.textOrNil("last_outcome") ?? (lastRefreshAt == nil ? nil : Outcome.renewed.rawValue),
            lastError: try row.textOrNil("last_error"), epoch: try row.int8("epoch"),
            createdAt: try row.date("created_at"), updatedAt: try row.date("updated_at"))
    }
}
