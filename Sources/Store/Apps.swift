package import Domain
import FoundationEssentials
import Postgres

/// App states (PROTOCOL §7), shared by all replicas.
extension Store {
    package func setApp(_ appID: String, state: AppState, reason: String, channel: ChannelID?) async throws {
        _ = try await transaction { connection in
            let before = try await connection.query(
                "SELECT state FROM apps WHERE id = $1 FOR UPDATE", [.text(appID)])
            let was = try before.rows.first.map { try $0.text("state") } ?? AppState.ok.rawValue
            guard was != state.rawValue else { return }
            try await connection.query(
                """
                INSERT INTO apps (id, provider, state, reason, probe_at)
                VALUES ($1, split_part($1, '/', 1), $2, $3,
                        now() + CASE WHEN $2 = 'paused' THEN interval '10 minutes' ELSE interval '0' END)
                ON CONFLICT (id) DO UPDATE SET state = excluded.state, reason = excluded.reason, since = now(),
                       probe_at = excluded.probe_at
                """, [.text(appID), .text(state.rawValue), .text(reason)])
            for news in AppNews.between(AppState(rawValue: was) ?? .ok, state, reason: reason) {
                try await tell(news, of: appID, channel: channel, on: connection)
            }
        }
    }

    private func tell(
        _ news: AppNews, of appID: String, channel: ChannelID?, on connection: PostgresConnection
    ) async throws {
        try await connection.query(
            "INSERT INTO event (channel_id, app_id, kind, reason, code, message) VALUES ($1, $2, $3, $4, $5, $6)",
            [
                channel.map { .text($0.rawValue) } ?? .null, .text(appID), .text(news.kind.rawValue),
                .text(news.reason), .text(news.code), .text(news.message),
            ])
    }

    package func troubledApps() async throws -> [String: AppStanding] {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT id, state, since, probe_at, held_since, released_at FROM apps
                 WHERE state <> 'ok' OR held_since IS NOT NULL OR released_at > now() - interval '1 hour'
                """)
        }
        return try Dictionary(
            uniqueKeysWithValues: result.rows.map { row in
                (
                    try row.text("id"),
                    AppStanding(
                        state: AppState(rawValue: try row.text("state")) ?? .ok, since: try row.date("since"),
                        probeAt: try row.dateOrNil("probe_at"), heldSince: try row.dateOrNil("held_since"),
                        releasedAt: try row.dateOrNil("released_at"))
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
                 ORDER BY (s.channel_id = coalesce($2, '')),
                          (k.tenant_id = (SELECT x.tenant_id FROM credentials x WHERE x.channel_id = $2)) NULLS FIRST,
                          k.last_refresh_at DESC NULLS LAST LIMIT 1
                """, [.text(appID), excluding.map { .text($0.rawValue) } ?? .null])
            return try canary.rows.first.map { ChannelID(rawValue: try $0.text("channel_id")) }
        }
    }

    // MARK: Held verdicts

    package func tenants(of appID: String) async throws -> Int {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT DISTINCT k.tenant_id FROM schedule s JOIN credentials k USING (channel_id)
                 WHERE s.app_id = $1 AND s.status IN (1, 2) LIMIT 2
                """, [.text(appID)])
        }
        return result.rows.count
    }

    package func holdVerdicts(of appID: String, canariesAfter wait: Duration, channel: ChannelID) async throws {
        _ = try await transaction { connection in
            let begun = try await connection.query(
                """
                INSERT INTO apps (id, provider, held_since, hold_probe_at)
                VALUES ($1, split_part($1, '/', 1), now(), now() + make_interval(secs => $2))
                ON CONFLICT (id) DO UPDATE SET held_since = now(), hold_probe_at = excluded.hold_probe_at
                 WHERE apps.held_since IS NULL
                   AND (apps.released_at IS NULL OR apps.released_at < now() - interval '1 hour')
                RETURNING id
                """, [.text(appID), .float8(wait.seconds)])
            guard !begun.rows.isEmpty else { return }
            try await tell(.held, of: appID, channel: channel, on: connection)
        }
    }

    package func takeHoldTurn(
        of appID: String, every interval: Duration, atMost limit: Duration
    ) async throws -> HoldTurn {
        try await transaction { connection in
            let turn = try await connection.query(
                """
                UPDATE apps SET hold_probe_at = least(now() + make_interval(secs => $2),
                                                      greatest(held_since + make_interval(secs => $3), now()))
                 WHERE id = $1 AND held_since IS NOT NULL AND hold_probe_at <= now()
                RETURNING held_since <= now() - make_interval(secs => $3) AS overdue
                """, [.text(appID), .float8(interval.seconds), .float8(limit.seconds)])
            guard let row = turn.rows.first else { return .none }
            if try row.bool("overdue") { return .overdue }
            let canaries = try await connection.query(
                """
                SELECT DISTINCT ON (k.tenant_id) s.channel_id FROM schedule s JOIN credentials k USING (channel_id)
                 WHERE s.app_id = $1 AND s.denials > 0 AND s.status IN (1, 2) AND s.lease_until IS NULL
                   AND s.due_at IS NOT NULL
                 ORDER BY k.tenant_id, k.last_refresh_at DESC NULLS LAST LIMIT 200
                """, [.text(appID)])
            return .canaries(try canaries.rows.map { ChannelID(rawValue: try $0.text("channel_id")) })
        }
    }

    /// The channels are due when every replica has heard of it.
    package func releaseVerdicts(of appID: String, because sentence: String) async throws {
        _ = try await transaction { connection in
            let ended = try await connection.query(
                """
                UPDATE apps SET held_since = NULL, hold_probe_at = NULL, released_at = now()
                 WHERE id = $1 AND held_since IS NOT NULL RETURNING id
                """, [.text(appID)])
            guard !ended.rows.isEmpty else { return }
            try await tell(.released(because: sentence), of: appID, channel: nil, on: connection)
            try await connection.query(
                """
                WITH l AS MATERIALIZED (
                  SELECT channel_id FROM schedule
                   WHERE app_id = $1 AND denials > 0 AND lease_until IS NULL AND status IN (1, 2) AND due_at > now()
                   ORDER BY channel_id FOR NO KEY UPDATE)
                UPDATE schedule s SET due_at = now() + interval '5 seconds' FROM l WHERE s.channel_id = l.channel_id
                """, [.text(appID)])
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

extension Store: AppRecords {
    package func apps(tenantID: String?) async throws -> [AppRecord] {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT id, provider, tenant_id, state, reason, since, probe_at FROM apps
                 WHERE $1::text IS NULL OR tenant_id IS NULL OR tenant_id = $1 ORDER BY id LIMIT 10000
                """, [tenantID.map { .text($0) } ?? .null])
        }
        return try result.rows.map { row in
            let state = AppState(rawValue: try row.text("state")) ?? .ok
            return AppRecord(
                id: try row.text("id"), provider: try row.text("provider"), tenantID: try row.textOrNil("tenant_id"),
                state: state, reason: try row.textOrNil("reason"), since: try row.date("since"),
                probeAt: state == .ok ? nil : try row.dateOrNil("probe_at"))
        }
    }

    package func channel(of appID: String) async throws -> ChannelID? {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT s.channel_id FROM schedule s JOIN credentials k USING (channel_id)
                 WHERE s.app_id = $1 AND s.provider = split_part($1, '/', 1) AND s.status = 1 AND s.due_at IS NOT NULL
                 ORDER BY k.last_refresh_at DESC NULLS LAST LIMIT 1
                """, [.text(appID)])
        }
        return try result.rows.first.map { ChannelID(rawValue: try $0.text("channel_id")) }
    }
}
