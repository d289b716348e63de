package import Domain
import FoundationEssentials
import Postgres
import Sealing

/// Authorizations from the intent to the kept answer; their end is in `Store+Finishing.swift`.
extension Store {
    package func grantID(of channel: ChannelID) async throws -> Int64? {
        try await pool.withConnection { connection in
            try await connection.query(
                "SELECT grant_id FROM schedule WHERE channel_id = $1 AND status <> 4", [.text(channel.rawValue)])
        }.rows.first.map { try $0.int8("grant_id") }
    }

    package func begin(
        _ target: AuthorizationTarget, stateDigest: [UInt8], nonceDigest: [UInt8]?
    ) async throws -> Authorization? {
        try await transaction { connection in
            try await connection.query(
                """
                INSERT INTO authorizations (state_hash, channel_id, tenant_id, user_id, provider, app_id, display_name,
                                            grant_id, actor, signed_in, nonce_hash)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
                ON CONFLICT (state_hash) DO NOTHING RETURNING id
                """,
                [
                    .bytea(stateDigest), .text(target.channelID.rawValue), .text(target.tenantID),
                    target.userID.map { .text($0) } ?? .null, .text(target.provider), .text(target.appID),
                    target.displayName.map { .text($0) } ?? .null, target.grantID.map { .int8($0) } ?? .null,
                    .text(target.actor), .bool(target.isSignedIn), nonceDigest.map { .bytea($0) } ?? .null,
                ])
        }.rows.first.map { Authorization(id: try $0.int8("id"), target: target, state: .redeeming) }
    }

    package func authorization(stateDigest: [UInt8]) async throws -> Authorization? {
        try await pool.withConnection { connection in
            try await connection.query(
                "\(Self.authorizationSelect) WHERE state_hash = $1", [.bytea(stateDigest)])
        }.rows.first.map(Self.authorization)
    }

    package func keepExchange(_ answer: JournalAnswer) async throws -> Bool {
        guard let id = answer.key.authorizationID else { return false }
        return try await transaction { connection in
            let row = try await connection.query(
                "\(Self.authorizationSelect) WHERE id = $1 FOR UPDATE", [.int8(id)]
            ).rows.first
            guard let authorization = try row.map(Self.authorization) else { return false }
            guard authorization.state == .redeeming else { return true }
            let sealed = try seal(answer, of: authorization)
            try await connection.query(
                "UPDATE authorizations SET state = 'exchanged', kid = $2, sealed = $3 WHERE id = $1",
                [.int8(id), .text(sealed.kid), .bytea(sealed.bytes)])
            return true
        }
    }

    package func takeExchanged(only id: Int64?, limit: Int) async throws -> [ExchangedAuthorization] {
        let result = try await transaction { connection in
            try await connection.query(
                """
                WITH taken AS (
                  SELECT id FROM authorizations
                   WHERE state = 'exchanged' AND ($1::int8 IS NULL AND coalesce(busy_until, '-infinity') < now() OR id = $1)
                   ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
                UPDATE authorizations a SET busy_until = now() + interval '1 minute' FROM taken WHERE a.id = taken.id
                RETURNING a.id, a.channel_id, a.tenant_id, a.user_id, a.provider, a.app_id, a.display_name, a.grant_id,
                          a.actor, a.signed_in, a.state, a.reason, a.nonce_hash, a.kid, a.sealed
                """, [id.map { .int8($0) } ?? .null, .int8(Int64(min(max(limit, 1), 100)))])
        }
        return try result.rows.compactMap { row in
            let authorization = try Self.authorization(row)
            let sealed = SealedValue(kid: try row.text("kid"), bytes: try row.bytea("sealed"))
            // One that does not open (a missing key) waits and delays nobody.
            guard let answer = try? open(sealed, of: authorization) else { return nil }
            return ExchangedAuthorization(
                authorization: authorization, answer: answer, nonceDigest: try row.byteaOrNil("nonce_hash"))
        }
    }

    static let authorizationSelect = """
        SELECT id, channel_id, tenant_id, user_id, provider, app_id, display_name, grant_id, actor, signed_in, state,
               reason FROM authorizations
        """

    static func authorization(_ row: PostgresRow) throws -> Authorization {
        Authorization(
            id: try row.int8("id"),
            target: AuthorizationTarget(
                channelID: ChannelID(rawValue: try row.text("channel_id")), tenantID: try row.text("tenant_id"),
                userID: try row.textOrNil("user_id"), provider: try row.text("provider"),
                appID: try row.text("app_id"), displayName: try row.textOrNil("display_name"),
                grantID: try row.int8OrNil("grant_id"), actor: try row.text("actor"),
                isSignedIn: try row.bool("signed_in")),
            state: Authorization.State(rawValue: try row.text("state")) ?? .refused, reason: try row.textOrNil("reason")
        )
    }
}
