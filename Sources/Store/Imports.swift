package import Domain
import FoundationEssentials
import Postgres
import Sealing

/// New channels, all of a list or none.
extension Store {
    package func insert(_ channels: [NewChannel], replacing: Bool, actor: AuditActor) async throws {
        guard !channels.isEmpty else { return }
        // W1: fence rows are locked in this order.
        let channels = channels.sorted { $0.id < $1.id }
        do {
            do {
                try await insertAll(channels, replacing: replacing, actor: actor)
            } catch PostgresError.server(let state, _, _) where state.rawValue == "23505" {
                // Somebody else's import of the same id was committed meanwhile; now it is seen.
                try await insertAll(channels, replacing: replacing, actor: actor)
            }
        } catch PostgresError.server(let state, let message, _) where state.isDataError {
            throw ChannelDirectoryError.refused("the database refuses a value: \(message)")
        }
    }

    private func insertAll(_ channels: [NewChannel], replacing: Bool, actor: AuditActor) async throws {
        try await transaction { connection in
            var start = 0
            while start < channels.count {
                let batch = Array(channels[start..<min(start + 500, channels.count)])
                try await insert(batch, replacing: replacing, actor: actor, on: connection)
                start += batch.count
            }
            try await note(channels, by: actor, on: connection)
        }
    }

    /// One row for a channel, one a tenant for an import.
    private func note(_ channels: [NewChannel], by actor: AuditActor, on connection: PostgresConnection) async throws {
        if channels.count == 1, let only = channels.first {
            try await note(
                AuditChange(action: "channel.created", tenantID: only.tenantID, subject: only.id.rawValue), by: actor,
                on: connection)
            return
        }
        for (tenant, group) in Dictionary(grouping: channels, by: \.tenantID).sorted(by: { $0.key < $1.key }) {
            try await note(
                AuditChange(
                    action: "channels.imported", tenantID: tenant, subject: tenant, detail: "\(group.count) channels"),
                by: actor, on: connection)
        }
    }

    private func insert(
        _ batch: [NewChannel], replacing: Bool, actor: AuditActor, on connection: PostgresConnection
    ) async throws {
        let ids = batch.map(\.id)
        let existing = try await connection.query(
            "SELECT channel_id FROM schedule WHERE channel_id = ANY ($1) ORDER BY channel_id FOR NO KEY UPDATE",
            [.textArray(ids.map(\.rawValue))])
        let known = Set(try existing.rows.map { ChannelID(rawValue: try $0.text("channel_id")) })
        guard replacing || known.isEmpty else { throw ChannelDirectoryError.exists(Array(known.sorted().prefix(20))) }
        try await insertNew(batch.filter { !known.contains($0.id) }, actor: actor, on: connection)
        for channel in batch where known.contains(channel.id) {
            try await replace(channel, actor: actor, on: connection)
        }
    }

    func insertNew(_ batch: [NewChannel], actor: AuditActor, on connection: PostgresConnection) async throws {
        guard !batch.isEmpty else { return }
        let clock = try await connection.query(
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8 AS n")
        let attempt = try clock.rows[0].int8("n")
        let sealed = try batch.map {
            try seal($0.grant.credential, tenant: $0.tenantID, channel: $0.id, grant: attempt, written: attempt)
        }
        try await connection.query(
            """
            WITH i AS (
              SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                                   $8::text[], $9::text[], $10::int2[], $11::timestamptz[], $12::text[], $13::bytea[],
                                   $14::bool[], $15::text[], $16::timestamptz[], $17::timestamptz[], $18::timestamptz[],
                                   $19::timestamptz[])
                AS i(id, tenant_id, user_id, provider, app_id, display_name, local_name, external_id, meta, status,
                     due_at, kid, sealed, has_refresh, scopes, issued, access_exp, refresh_exp, human_deadline)),
            c AS (
              INSERT INTO channels (id, tenant_id, user_id, provider, display_name, local_name, external_id, meta)
              SELECT id, tenant_id, user_id, provider, display_name, local_name, external_id, meta::jsonb FROM i
              RETURNING id),
            s AS (
              INSERT INTO schedule (channel_id, provider, app_id, status, due_at, attempt, grant_id, written)
              SELECT i.id, i.provider, i.app_id, i.status, CASE WHEN i.status = 3 THEN NULL ELSE i.due_at END, $20, $20,
                     $20 FROM i JOIN c USING (id)),
            k AS (
              INSERT INTO credentials (channel_id, tenant_id, written, kid, sealed, has_refresh_token, scopes,
                                       access_issued_at, access_expires_at, refresh_expires_at, human_deadline_at)
              SELECT i.id, i.tenant_id, $20, i.kid, i.sealed, i.has_refresh, coalesce(string_to_array(nullif(i.scopes, ''), ' '), '{}'),
                     i.issued, i.access_exp, i.refresh_exp, i.human_deadline FROM i JOIN c USING (id))
            INSERT INTO audit (channel_id, attempt, outcome, actor, message)
            SELECT id, $20, 'created', $21, 'Channel created by ' || $21 FROM c
            """,
            [
                .textArray(batch.map(\.id.rawValue)), .textArray(batch.map(\.tenantID)),
                .textArray(batch.map(\.userID)),
                .textArray(batch.map(\.provider)), .textArray(batch.map(\.appID)),
                .textArray(batch.map(\.displayName)), .textArray(batch.map(\.localName)),
                .textArray(batch.map(\.externalID)), .textArray(batch.map(\.meta)),
                .int2Array(batch.map(\.status.rawValue)), .timestamptzArray(batch.map(\.grant.dueAt)),
                .textArray(sealed.map(\.kid)), .byteaArray(sealed.map(\.bytes)),
                .boolArray(batch.map { $0.grant.credential.refreshToken != nil }),
                .textArray(batch.map { $0.grant.credential.scopes.joined(separator: " ") }),
                .timestamptzArray(batch.map(\.grant.accessIssuedAt)),
                .timestamptzArray(batch.map(\.grant.accessExpiresAt)),
                .timestamptzArray(batch.map(\.grant.refreshExpiresAt)),
                .timestamptzArray(batch.map(\.grant.humanDeadlineAt)), .int8(attempt), .text(actor.name),
            ])
    }

    private func replace(_ channel: NewChannel, actor: AuditActor, on connection: PostgresConnection) async throws {
        guard let fence = try await lock(channel.id, tenantID: nil, on: connection) else { return }
        guard fence.tenant == channel.tenantID else {
            throw ChannelDirectoryError.refused(
                "channel \(channel.id) belongs to another tenant; remove it before importing it for this one")
        }
        try await connection.query(
            """
            UPDATE channels SET user_id = $2, provider = $3, display_name = $4, local_name = $5, external_id = $6,
                   meta = $7::jsonb, updated_at = now(), disconnected_at = NULL, shredded_at = NULL WHERE id = $1
            """,
            [
                .text(channel.id.rawValue), channel.userID.map { .text($0) } ?? .null, .text(channel.provider),
                channel.displayName.map { .text($0) } ?? .null, channel.localName.map { .text($0) } ?? .null,
                channel.externalID.map { .text($0) } ?? .null, .text(channel.meta),
            ])
        try await connection.query(
            "UPDATE schedule SET provider = $2, app_id = $3 WHERE channel_id = $1",
            [.text(channel.id.rawValue), .text(channel.provider), .text(channel.appID)])
        try await write(
            channel.grant, channel: channel.id, tenant: fence.tenant, attempt: fence.next, status: channel.status,
            actor: actor, on: connection)
    }
}
