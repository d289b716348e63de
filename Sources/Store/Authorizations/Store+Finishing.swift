package import Domain
import FoundationEssentials
import Postgres
import Sealing

/// The end of an authorization: a new grant, or nothing at all.
extension Store: AuthorizationStore {
    package func store(_ id: Int64, _ grant: AuthorizedGrant) async throws {
        let outcome = try await transaction { connection -> Result<Void, AuthorizationRefusal> in
            let row = try await connection.query(
                "\(Self.authorizationSelect) WHERE id = $1 FOR UPDATE", [.int8(id)]
            ).rows.first
            guard let authorization = try row.map(Self.authorization) else { return .failure(.supersededMeanwhile) }
            switch authorization.state {
            case .stored: return .success(())
            case .refused:
                return .failure(authorization.reason.flatMap(AuthorizationRefusal.init) ?? .supersededMeanwhile)
            case .redeeming, .exchanged: break
            }
            let refusal = try await apply(grant, authorization, on: connection)
            try await end(id, state: refusal == nil ? .stored : .refused, reason: refusal, on: connection)
            return refusal.map { .failure($0) } ?? .success(())
        }
        try outcome.get()
    }

    /// Writes the grant, or says why not before anything is written.
    private func apply(
        _ authorized: AuthorizedGrant, _ authorization: Authorization, on connection: PostgresConnection
    ) async throws -> AuthorizationRefusal? {
        let target = authorization.target
        var fence: LockedFence?
        if let expected = target.grantID {
            fence = try await lock(target.channelID, tenantID: target.tenantID, on: connection)
            guard let fence, fence.status != .disconnected, fence.grantID == expected else {
                return .supersededMeanwhile
            }
        } else if try await exists(target.channelID, on: connection) {
            return .supersededMeanwhile
        }
        if let account = authorized.accountID {
            try await lockAccount(account, appID: target.appID, on: connection)
            let holder = try await self.holder(
                ofAccount: account, provider: target.provider, appID: target.appID, except: target.channelID,
                on: connection)
            if holder != nil { return .accountElsewhere }
        }
        let token = authorized.grant.credential.refreshToken ?? authorized.grant.credential.accessToken
        if let token, try await isKnown(token, except: target.channelID, on: connection) { return .tokenKnown }
        if let fence {
            try await write(
                authorized.grant, channel: target.channelID, tenant: target.tenantID, attempt: fence.next,
                status: fence.status == .paused ? .paused : .active, actor: AuditActor(name: target.actor),
                origin: .reauthorized,
                on: connection)
            try await noteAccount(authorized.accountID, of: target.channelID, on: connection)
        } else {
            try await insertNew(
                [
                    NewChannel(
                        id: target.channelID, tenantID: target.tenantID, userID: target.userID,
                        provider: target.provider, appID: target.appID, displayName: target.displayName,
                        localName: nil, externalID: authorized.accountID, status: .active, meta: "{}",
                        grant: authorized.grant)
                ], actor: AuditActor(name: target.actor), on: connection)
        }
        if let token { try await note(token, of: target.channelID, on: connection) }
        return nil
    }

    private func exists(_ channel: ChannelID, on connection: PostgresConnection) async throws -> Bool {
        try await connection.query("SELECT 1 AS one FROM channels WHERE id = $1", [.text(channel.rawValue)]).rows.first
            != nil
    }

    /// The id is recorded once; the channel's tenant chose it, or a consent proved it.
    private func noteAccount(
        _ account: String?, of channel: ChannelID, on connection: PostgresConnection
    ) async throws {
        try await connection.query(
            "UPDATE channels SET external_id = coalesce(external_id, $2), updated_at = now() WHERE id = $1",
            [.text(channel.rawValue), account.map { .text($0) } ?? .null])
    }

    // MARK: One account, one channel

    /// Two consents of one account wait for each other; ends with the transaction.
    private func lockAccount(_ account: String, appID: String, on connection: PostgresConnection) async throws {
        try await connection.query(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 7246110520260004))", [.text(appID + "\n" + account)])
    }

    package func holder(
        ofAccount accountID: String, provider: String, appID: String
    ) async throws -> ChannelID? {
        try await pool.withConnection { connection in
            try await holder(
                ofAccount: accountID, provider: provider, appID: appID, except: nil, on: connection)
        }
    }

    private func holder(
        ofAccount account: String, provider: String, appID: String, except channel: ChannelID?,
        on connection: PostgresConnection
    ) async throws -> ChannelID? {
        try await connection.query(
            """
            SELECT c.id FROM channels c JOIN schedule s ON s.channel_id = c.id
             WHERE c.external_id = $1 AND c.provider = $2 AND s.app_id = $3 AND s.status <> 4
               AND c.id IS DISTINCT FROM $4 LIMIT 1
            """,
            [.text(account), .text(provider), .text(appID), channel.map { .text($0.rawValue) } ?? .null]
        ).rows.first.map { ChannelID(rawValue: try $0.text("id")) }
    }

    // MARK: One token, one channel

    private static let fingerprint = "grant"

    /// Whether a live channel other than this one was given the same token; digests of older keys count too.
    private func isKnown(
        _ token: Secret, except channel: ChannelID, on connection: PostgresConnection
    ) async throws -> Bool {
        let digests = ring.keyedDigests(of: Array(token.reveal().utf8), purpose: Self.fingerprint).map(\.digest)
        return try await connection.query(
            """
            SELECT 1 AS one FROM grant_fingerprints g JOIN schedule s ON s.channel_id = g.channel_id
             WHERE g.digest = ANY ($1) AND g.channel_id <> $2 AND s.status <> 4 LIMIT 1
            """, [.byteaArray(digests), .text(channel.rawValue)]
        ).rows.first != nil
    }

    private func note(_ token: Secret, of channel: ChannelID, on connection: PostgresConnection) async throws {
        try await connection.query(
            """
            INSERT INTO grant_fingerprints (digest, channel_id) VALUES ($1, $2)
            ON CONFLICT (digest) DO UPDATE SET channel_id = excluded.channel_id, noted_at = now()
            """,
            [
                .bytea(ring.keyedDigest(of: Array(token.reveal().utf8), purpose: Self.fingerprint)),
                .text(channel.rawValue),
            ])
    }

    // MARK: Ends

    package func refuse(_ id: Int64, because reason: AuthorizationRefusal) async throws {
        _ = try await transaction { connection in
            try await end(id, state: .refused, reason: reason, on: connection)
        }
    }

    /// The answer is kept no longer than it is needed.
    private func end(
        _ id: Int64, state: Authorization.State, reason: AuthorizationRefusal?, on connection: PostgresConnection
    ) async throws {
        try await connection.query(
            """
            UPDATE authorizations SET state = $2, reason = $3, kid = NULL, sealed = NULL, busy_until = NULL,
                   finished_at = now()
             WHERE id = $1 AND state IN ('redeeming', 'exchanged')
            """, [.int8(id), .text(state.rawValue), reason.map { .text($0.rawValue) } ?? .null])
    }

    package func tidyAuthorizations() async throws {
        _ = try await transaction { connection in
            // A journal that comes back later than this finds nobody who waits for it.
            try await connection.query(
                """
                UPDATE authorizations SET state = 'refused', reason = 'abandoned', kid = NULL, sealed = NULL,
                       busy_until = NULL, finished_at = now()
                 WHERE state = 'exchanged' AND created_at < now() - interval '1 day'
                    OR state = 'redeeming' AND created_at < now() - interval '7 days'
                """)
            try await connection.query(
                "DELETE FROM authorizations WHERE finished_at < now() - interval '30 days'")
        }
    }
}
