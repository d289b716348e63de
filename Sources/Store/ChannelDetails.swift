package import Domain
import FoundationEssentials
import Postgres
import Sealing

/// One channel in depth: what it is, what happened to it, who reads its token.
extension Store: ChannelAdministration {
    /// A consumer's hint is checked this often at most (PROTOCOL §7).
    static let reportPause = "interval '10 minutes'"

    package func change(
        _ id: ChannelID, tenantID: String?, _ change: ChannelChange, actor: AuditActor
    ) async throws -> Bool {
        try await transaction { connection in
            guard let fence = try await lock(id, tenantID: tenantID, on: connection) else { return false }
            let fields = change.values.sorted { $0.key.rawValue < $1.key.rawValue }
            guard !fields.isEmpty else { return true }
            let assignments = fields.enumerated().map { index, field in
                field.key == .meta
                    ? "meta = coalesce($\(index + 2), '{}')::jsonb" : "\(field.key.rawValue) = $\(index + 2)"
            }
            try await connection.query(
                "UPDATE channels SET \(assignments.joined(separator: ", ")), updated_at = now() WHERE id = $1",
                [.text(id.rawValue)] + fields.map { $0.value.map { .text($0) } ?? .null })
            try await note(
                AuditChange(
                    action: "channel.changed", tenantID: fence.tenant, subject: id.rawValue,
                    detail: fields.map(\.key.rawValue).joined(separator: ", ")), by: actor, on: connection)
            return true
        }
    }

    package func snapshot(of id: ChannelID, tenantID: String?) async throws -> ChannelSnapshot? {
        try await snapshots(of: [id]).first { tenantID == nil || $0.tenantID == tenantID }
    }

    package func grant(of id: ChannelID, tenantID: String?) async throws -> StoredGrant? {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT s.provider, s.app_id, s.status, s.grant_id, c.external_id, k.tenant_id, k.written, k.kid, k.sealed,
                       k.epoch, k.access_issued_at, k.access_expires_at
                  FROM schedule s JOIN credentials k USING (channel_id) JOIN channels c ON c.id = s.channel_id
                 WHERE s.channel_id = $1 AND s.status <> 4 AND ($2::text IS NULL OR k.tenant_id = $2)
                """, [.text(id.rawValue), tenantID.map { .text($0) } ?? .null])
        }
        guard let row = result.rows.first else { return nil }
        let tenant = try row.text("tenant_id")
        let credential = try open(
            SealedValue(kid: try row.text("kid"), bytes: try row.bytea("sealed")), tenant: tenant, channel: id,
            grant: try row.int8("grant_id"), written: try row.int8("written")
        ).get()
        return StoredGrant(
            channelID: id, tenantID: tenant, provider: try row.text("provider"), appID: try row.text("app_id"),
            externalID: try row.textOrNil("external_id"),
            status: ChannelStatus(rawValue: try row.int2("status")) ?? .active, credential: credential,
            accessIssuedAt: try row.dateOrNil("access_issued_at"),
            accessExpiresAt: try row.dateOrNil("access_expires_at"), epoch: try row.int8("epoch"))
    }

    package func isShared(apps: [String], besides id: ChannelID) async throws -> Bool {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT EXISTS (SELECT FROM schedule WHERE app_id = ANY ($1) AND status <> 4 AND channel_id <> $2) AS found
                """, [.textArray(apps), .text(id.rawValue)])
        }
        return try result.rows[0].bool("found")
    }

    package func history(
        of id: ChannelID, tenantID: String?, _ query: HistoryQuery
    ) async throws -> [HistoryEntry]? {
        let result = try await pool.withConnection { connection -> PostgresResult? in
            let known = try await connection.query(
                "SELECT 1 FROM channels WHERE id = $1 AND ($2::text IS NULL OR tenant_id = $2)",
                [.text(id.rawValue), tenantID.map { .text($0) } ?? .null])
            guard !known.rows.isEmpty else { return nil }
            return try await connection.query(
                """
                SELECT attempt, outcome, at, actor, code, message, request_id FROM audit
                 WHERE channel_id = $1 AND (attempt, outcome) < ($2, $3) AND ($4::text IS NULL OR actor = $4)
                   AND ($5::timestamptz IS NULL OR at >= $5) AND ($6::timestamptz IS NULL OR at < $6)
                 ORDER BY attempt DESC, outcome DESC LIMIT \(min(max(query.limit, 1), 501))
                """,
                [
                    .text(id.rawValue), .int8(query.before?.attempt ?? .max), .text(query.before?.outcome ?? ""),
                    query.actor.map { .text($0) } ?? .null, query.window.since.map { .timestamptz($0) } ?? .null,
                    query.window.until.map { .timestamptz($0) } ?? .null,
                ])
        }
        return try result?.rows.map { row in
            HistoryEntry(
                attempt: try row.int8("attempt"), outcome: try row.text("outcome"), at: try row.date("at"),
                actor: try row.text("actor"), code: try row.textOrNil("code"),
                message: try row.textOrNil("message"), providerRequestID: try row.textOrNil("request_id"))
        }
    }

    package func note(_ outcome: String, message: String, of id: ChannelID, actor: AuditActor) async throws {
        _ = try await transaction { connection in
            try await connection.query(
                """
                INSERT INTO audit (channel_id, attempt, outcome, actor, message)
                VALUES ($1, (extract(epoch FROM clock_timestamp()) * 1000000)::int8, $2, $3, $4) ON CONFLICT DO NOTHING
                """,
                [.text(id.rawValue), .text(outcome), .text(actor.name), .text(String(message.prefix(300)))])
        }
    }

    package func takeReport(of id: ChannelID, tenantID: String?, epoch: Int64) async throws -> ReportStanding? {
        try await transaction { connection in
            let found = try await connection.query(
                """
                SELECT k.epoch FROM schedule s JOIN credentials k USING (channel_id)
                 WHERE s.channel_id = $1 AND s.status <> 4 AND ($2::text IS NULL OR k.tenant_id = $2)
                """, [.text(id.rawValue), tenantID.map { .text($0) } ?? .null])
            guard let current = try found.rows.first?.int8("epoch") else { return nil }
            guard current == epoch else { return .oldEpoch(current: current) }
            let taken = try await connection.query(
                """
                INSERT INTO token_reports (channel_id, epoch, at) VALUES ($1, $2, now())
                ON CONFLICT (channel_id) DO UPDATE SET epoch = excluded.epoch, at = excluded.at
                 WHERE token_reports.epoch < excluded.epoch AND token_reports.at < now() - \(Self.reportPause)
                RETURNING channel_id
                """, [.text(id.rawValue), .int8(epoch)])
            return taken.rows.isEmpty ? .known : .news
        }
    }

    package func add(_ reads: [TokenReads]) async throws {
        // Rows are locked in one order by all replicas.
        let reads = reads.sorted { ($0.channelID, $0.caller) < ($1.channelID, $1.caller) }
        guard !reads.isEmpty else { return }
        _ = try await transaction { connection in
            try await connection.query(
                """
                INSERT INTO token_reads (channel_id, caller, reads, last_at)
                SELECT i.* FROM unnest($1::text[], $2::text[], $3::int8[], $4::timestamptz[])
                                  AS i(channel_id, caller, reads, last_at)
                  JOIN channels c ON c.id = i.channel_id
                ON CONFLICT (channel_id, caller) DO UPDATE SET reads = token_reads.reads + excluded.reads,
                       last_at = greatest(token_reads.last_at, excluded.last_at)
                """,
                [
                    .textArray(reads.map(\.channelID.rawValue)), .textArray(reads.map(\.caller)),
                    .int8Array(reads.map { Int64($0.count) }), .timestamptzArray(reads.map(\.lastAt)),
                ])
        }
    }

    package func reads(of id: ChannelID) async throws -> [TokenReads] {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                "SELECT caller, reads, last_at FROM token_reads WHERE channel_id = $1 ORDER BY last_at DESC LIMIT 100",
                [.text(id.rawValue)])
        }
        return try result.rows.map { row in
            TokenReads(
                channelID: id, caller: try row.text("caller"), count: Int(try row.int8("reads")),
                lastAt: try row.date("last_at"))
        }
    }
}
