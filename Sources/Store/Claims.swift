package import Domain
import FoundationEssentials
import Postgres
import Sealing

/// Claims: PROTOCOL §4 Q1, Q1', Q1'' with Q2.
extension Store {
    package func claimDue(
        provider: String, lease: Duration, limit: Int, excludingApps: [String]
    ) async throws -> ClaimBatch {
        // Literal limits and leases: a parameter there makes PostgreSQL plan anew each time.
        let sql = """
            WITH due AS MATERIALIZED (
              SELECT channel_id, due_at FROM schedule
               WHERE provider = $1 AND due_at <= now() AND lease_until IS NULL AND app_id <> ALL ($2)
               ORDER BY due_at LIMIT \(Self.roundedBatch(limit)) FOR NO KEY UPDATE SKIP LOCKED)
            \(Self.claimingUpdate(lease: "interval '\(lease.components.seconds) seconds'"))
            """
        return try await claim(sql, [.text(provider), .textArray(excludingApps)])
    }

    package func claim(channels: [ChannelID], leases: [String: Duration]) async throws -> ClaimBatch {
        let sql = """
            WITH due AS MATERIALIZED (
              SELECT channel_id, due_at FROM schedule
               WHERE channel_id = ANY ($1) AND lease_until IS NULL AND status IN (1, 2)
               ORDER BY channel_id FOR NO KEY UPDATE SKIP LOCKED)
            \(Self.claimingUpdate(lease: Self.leaseByProvider, dueAt: "least(s.due_at, now())"))
            """
        let providers = leases.keys.sorted()
        return try await claim(
            sql,
            [
                .textArray(channels.map(\.rawValue)), .textArray(providers),
                .int8Array(providers.map { leases[$0]?.components.seconds ?? 120 }),
            ])
    }

    package func orphaned(among providers: [String]) async throws -> [String] {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT p AS provider FROM unnest($1::text[]) p
                 WHERE EXISTS (SELECT FROM schedule s
                                WHERE s.provider = p AND s.due_at <= now() AND s.lease_until < now())
                """, [.textArray(providers)])
        }
        return try result.rows.map { try $0.text("provider") }
    }

    package func takeOver(provider: String, lease: Duration, free: Bool, limit: Int) async throws -> ClaimBatch {
        let sql = """
            WITH due AS MATERIALIZED (
              SELECT channel_id, due_at FROM schedule
               WHERE provider = $1 AND due_at <= now() AND lease_until < now()
               ORDER BY due_at LIMIT \(Self.roundedBatch(limit)) FOR NO KEY UPDATE SKIP LOCKED)
            \(Self.claimingUpdate(lease: "interval '\(lease.components.seconds) seconds'", doubt: free ? "s.doubt" : "true"))
            """
        return try await claim(sql, [.text(provider)])
    }

    /// Few distinct texts, so that each is prepared once.
    static func roundedBatch(_ limit: Int) -> Int {
        switch limit {
        case ..<1: 1
        case ..<8: limit
        case ..<500: min(limit / 8 * 8, 496)
        default: 500
        }
    }

    private static let leaseByProvider = """
        make_interval(secs => coalesce((SELECT seconds FROM unnest($2::text[], $3::int8[]) AS l(provider, seconds)
                                         WHERE l.provider = s.provider), 120))
        """

    /// A held row always has a due time in the past, also one that was parked or early when it was claimed by id: that
    /// is where a takeover finds it.
    ///
    /// The claim itself carries the time from before, to which a release may return.
    private static func claimingUpdate(lease: String, doubt: String = "s.doubt", dueAt: String? = nil) -> String {
        """
        UPDATE schedule s
           SET attempt = greatest(s.attempt + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::int8),
               lease_until = clock_timestamp() + \(lease), doubt = \(doubt)\(dueAt.map { ", due_at = \($0)" } ?? "")
          FROM due WHERE s.channel_id = due.channel_id
        RETURNING s.channel_id, s.provider, s.app_id, s.attempt, s.grant_id, s.written, s.doubt, s.fails, s.denials,
                  s.status, s.reason, due.due_at, clock_timestamp() AS claimed_at
        """
    }

    /// Q1 and then Q2 in a new snapshot of the same transaction: joined into one statement it would return spent tokens.
    private func claim(_ sql: String, _ parameters: [PostgresValue]) async throws -> ClaimBatch {
        let sentAt = ContinuousClock.now
        let (fences, credentials) = try await transaction { connection in
            let fences = try await connection.query(sql, parameters)
            guard !fences.rows.isEmpty else { return (fences, fences) }
            let ids = try fences.rows.map { try $0.text("channel_id") }
            let credentials = try await connection.query(
                """
                SELECT channel_id, tenant_id, written, kid, sealed, access_issued_at, access_expires_at,
                       refresh_expires_at, last_refresh_at FROM credentials WHERE channel_id = ANY ($1)
                """, [.textArray(ids)])
            return (fences, credentials)
        }
        guard let first = fences.rows.first else {
            return ClaimBatch(claims: [], sentAt: sentAt, databaseTime: Date())
        }
        let rows = try Dictionary(
            uniqueKeysWithValues: credentials.rows.map { (try $0.text("channel_id"), $0) })
        let claims = try fences.rows.map { fence in try claim(fence: fence, credential: rows[fence.text("channel_id")])
        }
        return ClaimBatch(claims: claims, sentAt: sentAt, databaseTime: try first.date("claimed_at"))
    }

    private func claim(fence: PostgresRow, credential row: PostgresRow?) throws -> Claim {
        let channel = ChannelID(rawValue: try fence.text("channel_id"))
        let grant = try fence.int8("grant_id")
        let written = try fence.int8("written")
        let tenant = try row?.text("tenant_id") ?? ""
        var credential: Result<Credential, SealedCredentialFault> = .failure(.unreadable)
        if let row, try row.int8("written") == written {
            credential = open(
                SealedValue(kid: try row.text("kid"), bytes: try row.bytea("sealed")), tenant: tenant,
                channel: channel, grant: grant, written: written)
        }
        return Claim(
            key: ClaimKey(channelID: channel, attempt: try fence.int8("attempt")), tenantID: tenant,
            provider: try fence.text("provider"), appID: try fence.text("app_id"), grantID: grant, base: written,
            doubt: try fence.bool("doubt"), fails: Int(try fence.int4("fails")),
            denials: Int(try fence.int4("denials")),
            status: ChannelStatus(rawValue: try fence.int2("status")) ?? .active,
            reason: try fence.textOrNil("reason").flatMap(WarningReason.init),
            accessExpiresAt: try row?.dateOrNil("access_expires_at"),
            refreshExpiresAt: try row?.dateOrNil("refresh_expires_at"),
            accessIssuedAt: try row?.dateOrNil("access_issued_at"),
            lastRefreshAt: try row?.dateOrNil("last_refresh_at"), dueAt: try fence.dateOrNil("due_at"),
            credential: credential)
    }
}
