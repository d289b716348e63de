package import Domain
import FoundationEssentials
import Postgres

/// App states (PROTOCOL §7), shared by all replicas.
extension Store {
    package func setApp(_ appID: String, state: AppState, reason: String, channel: ChannelID?) async throws {
        _ = try await transaction { connection in
            let before = try await connection.query(
                "SELECT state FROM apps WHERE id = $1 FOR UPDATE", [.text(appID)])
            let was = try before.rows.first.map { try $0.text("state") }
            guard was != state.rawValue else { return }
            try await connection.query(
                """
                INSERT INTO apps (id, provider, state, reason, probe_at)
                VALUES ($1, split_part($1, '/', 1), $2, $3,
                        now() + CASE WHEN $2 = 'paused' THEN interval '10 minutes' ELSE interval '0' END)
                ON CONFLICT (id) DO UPDATE SET state = excluded.state, reason = excluded.reason, since = now(),
                       probe_at = excluded.probe_at
                """, [.text(appID), .text(state.rawValue), .text(reason)])
            // A suspicion is not news; a pause and its end are.
            let news: String? =
                switch (was, state) {
                case (_, .paused): "app_rejected"
                case ("paused", .ok): "app_recovered"
                default: nil
                }
            guard let news else { return }
            try await connection.query(
                """
                INSERT INTO event (channel_id, app_id, kind, reason, code, message)
                VALUES ($1, $2, $3, 'app_rejected', $4, $5)
                """,
                [
                    channel.map { .text($0.rawValue) } ?? .null, .text(appID), .text(news), .text(reason),
                    .text(
                        news == "app_rejected"
                            ? "The provider refuses the app's own credentials (\(reason)); its channels wait."
                            : "The provider accepts the app again; its channels go on."),
                ])
        }
    }

    package func troubledApps() async throws -> [String: AppStanding] {
        let result = try await pool.withConnection { connection in
            try await connection.query("SELECT id, state, since, probe_at FROM apps WHERE state <> 'ok'")
        }
        return try Dictionary(
            uniqueKeysWithValues: result.rows.map { row in
                (
                    try row.text("id"),
                    AppStanding(
                        state: AppState(rawValue: try row.text("state")) ?? .ok, since: try row.date("since"),
                        probeAt: try row.dateOrNil("probe_at"))
                )
            })
    }

    package func takeProbe(
        of appID: String, every interval: Duration, excluding: ChannelID?
    ) async throws -> ChannelID? {
        try await transaction { connection in
            let turn = try await connection.query(
                """
                UPDATE apps SET probe_at = now() + make_interval(secs => $2)
                 WHERE id = $1 AND state IN ('suspect', 'paused') AND probe_at <= now() RETURNING id
                """, [.text(appID), .float8(interval.seconds)])
            guard !turn.rows.isEmpty else { return nil }
            let canary = try await connection.query(
                """
                SELECT s.channel_id FROM schedule s JOIN credentials k USING (channel_id)
                 WHERE s.app_id = $1 AND s.provider = split_part($1, '/', 1) AND s.lease_until IS NULL
                   AND (s.status = 1 OR s.status = 2 AND s.reason IN ('refresh_failing', 'suspended'))
                   AND s.due_at IS NOT NULL
                 ORDER BY (s.channel_id = coalesce($2, '')), k.last_refresh_at DESC NULLS LAST LIMIT 1
                """, [.text(appID), excluding.map { .text($0.rawValue) } ?? .null])
            return try canary.rows.first.map { ChannelID(rawValue: try $0.text("channel_id")) }
        }
    }

    /// Notes the apps this process is configured with; a changed secret makes the next probe due at once.
    ///
    /// - Parameter apps: with a keyed digest of client id and secrets.
    package func register(_ apps: [(app: App, fingerprint: String)]) async throws {
        _ = try await transaction { connection in
            for (app, fingerprint) in apps.sorted(by: { $0.app.id < $1.app.id }) {
                try await connection.query(
                    """
                    INSERT INTO apps (id, provider, tenant_id, fingerprint) VALUES ($1, $2, $3, $4)
                    ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint,
                        probe_at = CASE WHEN apps.fingerprint IS DISTINCT FROM excluded.fingerprint THEN now()
                                        ELSE apps.probe_at END
                    """,
                    [.text(app.id), .text(app.provider), app.tenantID.map { .text($0) } ?? .null, .text(fingerprint)])
            }
        }
    }
}
