package import Domain
package import FoundationEssentials
package import Postgres
package import Sealing

/// What a database tells about itself, for whoever examines an installation; nothing is changed but by
/// `quarantineRolledBack()`.
package struct Examination: Sendable {
    /// The server, and its clock beside ours.
    package struct Server: Sendable {
        package var version: String
        /// A standby takes no writes.
        package var isStandby: Bool
        /// Database minus local time, in seconds; right to half of the round trip.
        package var skew: Double
        package var roundTrip: Duration
    }

    package struct Key: Sendable {
        package var kid: String
        package var checkValue: [UInt8]
        /// Credentials sealed with it.
        package var credentials: Int
    }

    package struct AppUse: Sendable, Equatable {
        package var provider: String
        package var appID: String
        package var channels: Int

        package init(provider: String, appID: String, channels: Int) {
            self.provider = provider
            self.appID = appID
            self.channels = channels
        }
    }

    package struct TroubledApp: Sendable {
        package var id: String
        package var state: AppState
        package var reason: String
        package var since: Date
    }

    package struct Replica: Sendable {
        package var journalID: UUID
        package var silentFor: Duration
        package var openEntries: Int
        package var kids: [String]
    }

    let pool: PostgresPool

    package init(pool: PostgresPool) {
        self.pool = pool
    }

    package func server() async throws -> Server {
        let (row, before, after) = try await pool.withConnection { connection in
            let before = (wall: Date(), clock: ContinuousClock.now)
            let result = try await connection.query(
                """
                SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS standby,
                       clock_timestamp() AS now
                """)
            return (result.rows[0], before, ContinuousClock.now)
        }
        let roundTrip = before.clock.duration(to: after)
        let middle = before.wall.addingTimeInterval(roundTrip.seconds / 2)
        return Server(
            version: try row.text("version"), isStandby: try row.bool("standby"),
            skew: try row.date("now").timeIntervalSince(middle), roundTrip: roundTrip)
    }

    package func keys() async throws -> [Key] {
        try await rows(
            """
            SELECT k.kid, k.check_value, (SELECT count(*) FROM credentials c WHERE c.kid = k.kid) AS n
              FROM keys k ORDER BY k.kid
            """
        ).map {
            Key(kid: try $0.text("kid"), checkValue: try $0.bytea("check_value"), credentials: Int(try $0.int8("n")))
        }
    }

    /// Apps that live channels use, by provider.
    package func appUse() async throws -> [AppUse] {
        try await rows(
            "SELECT provider, app_id, count(*) AS n FROM schedule WHERE status <> 4 GROUP BY 1, 2 ORDER BY 1, 2"
        ).map {
            AppUse(provider: try $0.text("provider"), appID: try $0.text("app_id"), channels: Int(try $0.int8("n")))
        }
    }

    package func troubledApps() async throws -> [TroubledApp] {
        try await rows("SELECT id, state, reason, since FROM apps WHERE state <> 'ok' ORDER BY id").map {
            TroubledApp(
                id: try $0.text("id"), state: AppState(rawValue: try $0.text("state")) ?? .suspect,
                reason: try $0.textOrNil("reason") ?? "", since: try $0.date("since"))
        }
    }

    package func replicas() async throws -> [Replica] {
        try await rows(
            """
            SELECT journal_id, extract(epoch FROM now() - seen_at)::float8 AS silent, open_entries, kids FROM replica
             ORDER BY seen_at DESC LIMIT 1000
            """
        ).map {
            Replica(
                journalID: try $0.uuid("journal_id"), silentFor: .seconds(max(0, try $0.float8("silent"))),
                openEntries: Int(try $0.int4("open_entries")), kids: try $0.textArray("kids").compactMap { $0 })
        }
    }

    /// Messages that were given up, by destination id.
    package func deadDeliveries() async throws -> [String: Int] {
        let rows = try await rows(
            "SELECT destination_id, count(*) AS n FROM deliveries WHERE state = 'dead' GROUP BY 1")
        return try Dictionary(uniqueKeysWithValues: rows.map { (try $0.text("destination_id"), Int(try $0.int8("n"))) })
    }

    /// Channels whose sealed credential this ring does not open or whose two rows disagree, among a random sample of so
    /// many.
    package func unreadable(with ring: KeyRing, sample: Int) async throws -> [ChannelID] {
        let store = Store(pool: pool, ring: ring)
        let rows = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT c.channel_id, c.tenant_id, c.kid, c.sealed, c.written, s.written AS fenced, s.grant_id
                  FROM credentials c JOIN schedule s USING (channel_id) WHERE s.status <> 4 AND c.channel_id IN (
                       SELECT channel_id FROM credentials ORDER BY random() LIMIT $1)
                """, [.int8(Int64(sample))]
            ).rows
        }
        return try rows.compactMap { row in
            let id = ChannelID(rawValue: try row.text("channel_id"))
            let written = try row.int8("written")
            let opened = store.open(
                SealedValue(kid: try row.text("kid"), bytes: try row.bytea("sealed")),
                tenant: try row.text("tenant_id"),
                channel: id, grant: try row.int8("grant_id"), written: written)
            if case .success = opened, written == (try row.int8("fenced")) { return nil }
            return id
        }
    }

    /// Parks every channel whose row is older than what the audit says was written to it (PROTOCOL §10).
    ///
    /// Somebody put an old row back, and its token may be spent. Each gets a warning, an audit row and a security event,
    /// once. Rows under a lease are left for the next time.
    /// - Returns: the channels that are rolled back now, those of earlier times included.
    package func quarantineRolledBack() async throws -> [ChannelID] {
        try await pool.transaction { connection in
            let found = try await connection.query(
                """
                SELECT s.channel_id, s.lease_until IS NOT NULL AS held, s.status, s.reason
                  FROM schedule s
                 WHERE s.status <> 4 AND s.written < (
                       SELECT max(a.attempt) FROM audit a WHERE a.channel_id = s.channel_id
                          AND a.outcome IN ('renewed', 'not_extended', 'created', 'credential_replaced'))
                 ORDER BY s.channel_id LIMIT 1000 FOR NO KEY UPDATE OF s
                """)
            for row in found.rows where try !row.bool("held") && (try row.textOrNil("reason")) != Self.reason {
                try await connection.query(
                    Self.quarantine,
                    [.text(try row.text("channel_id")), .text(Self.reason), .text(Self.message)])
            }
            return try found.rows.map { ChannelID(rawValue: try $0.text("channel_id")) }
        }
    }

    private static let reason = WarningReason.sealedUnreadable.rawValue
    private static let message =
        "The channel's row is older than what the audit says was written to it: an old row was put back."

    private static let quarantine = """
        WITH f AS (
          UPDATE schedule SET status = CASE WHEN status = 3 THEN status ELSE 2 END, reason = $2, due_at = NULL,
                 attempt = greatest(attempt + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::int8)
           WHERE channel_id = $1 RETURNING channel_id, attempt),
        c AS (
          INSERT INTO conditions (channel_id, code, message, since, last_outcome, last_error, last_at)
          SELECT channel_id, 'rolled_back', $3, now(), 'unclassified', $3, now() FROM f
          ON CONFLICT (channel_id) DO UPDATE SET code = excluded.code, message = excluded.message, since = now(),
                 last_outcome = excluded.last_outcome, last_error = excluded.last_error, last_at = now()),
        a AS (
          INSERT INTO audit (channel_id, attempt, outcome, actor, code, message)
          SELECT channel_id, attempt, 'quarantined', 'doctor', 'rolled_back', $3 FROM f)
        INSERT INTO event (channel_id, attempt, kind, reason, code, message)
        SELECT channel_id, attempt, 'security', $2, 'rolled_back', $3 FROM f
        """

    private func rows(_ sql: String) async throws -> [PostgresRow] {
        try await pool.withConnection { try await $0.query(sql).rows }
    }
}
