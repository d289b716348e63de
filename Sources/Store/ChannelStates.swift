package import Domain
import FoundationEssentials
import Postgres
import Sealing

/// Pause, resume and disconnect.
extension Store {
    package func pause(_ id: ChannelID, tenantID: String?, actor: AuditActor) async throws -> Bool {
        try await change(id, tenantID: tenantID, outcome: "paused", actor: actor) { fence, connection in
            guard fence.status != .disconnected else { return false }
            // A held row keeps its due time until its holder ends, so that an orphan is still found.
            try await connection.query(
                """
                UPDATE schedule SET status = 3, due_at = CASE WHEN lease_until IS NULL THEN NULL ELSE due_at END
                 WHERE channel_id = $1
                """, [.text(id.rawValue)])
            return true
        }
    }

    package func resume(_ id: ChannelID, tenantID: String?, actor: AuditActor) async throws -> Bool {
        try await change(id, tenantID: tenantID, outcome: "resumed", actor: actor) { fence, connection in
            guard fence.status == .paused else { return fence.status != .disconnected }
            try await connection.query(
                """
                UPDATE schedule SET status = CASE WHEN reason IS NULL THEN 1 ELSE 2 END,
                       due_at = CASE WHEN lease_until IS NOT NULL THEN due_at
                                     WHEN reason IN ('reauthorization_required', 'scope_missing', 'sealed_unreadable')
                                     THEN NULL ELSE now() END
                 WHERE channel_id = $1
                """, [.text(id.rawValue)])
            return true
        }
    }

    package func disconnect(
        _ id: ChannelID, tenantID: String?, purge: Bool, actor: AuditActor
    ) async throws -> Disconnection? {
        try await transaction { connection in
            guard let fence = try await lock(id, tenantID: tenantID, on: connection) else { return nil }
            try await connection.query(
                """
                UPDATE schedule SET attempt = $2, grant_id = $2, written = $2, status = 4, reason = NULL, due_at = NULL,
                       lease_until = NULL WHERE channel_id = $1
                """, [.text(id.rawValue), .int8(fence.next)])
            try await connection.query(
                """
                UPDATE channels SET disconnected_at = coalesce(disconnected_at, now()),
                       shredded_at = coalesce(shredded_at, CASE WHEN $2 THEN now() END) WHERE id = $1
                """, [.text(id.rawValue), .bool(purge)])
            let grant = try await reseal(id, fence: fence, purge: purge, on: connection)
            try await connection.query("DELETE FROM conditions WHERE channel_id = $1", [.text(id.rawValue)])
            // Also of a channel that was paused in warning: its incident is still open.
            if let flagged = fence.reason {
                try await connection.query(
                    "INSERT INTO event (channel_id, attempt, kind, reason) VALUES ($1, $2, 'recovered', $3)",
                    [.text(id.rawValue), .int8(fence.next), .text(flagged.rawValue)])
            }
            try await noteChange(of: id, fence: fence, outcome: "disconnected", actor: actor, on: connection)
            return Disconnection(grant: fence.status == .disconnected ? nil : grant)
        }
    }

    /// The grant's number changed, and the sealed value is bound to it; what was stored.
    func reseal(
        _ id: ChannelID, fence: LockedFence, purge: Bool, on connection: PostgresConnection
    ) async throws -> StoredGrant? {
        let row = try await connection.query(
            "SELECT kid, sealed, epoch, access_issued_at, access_expires_at FROM credentials WHERE channel_id = $1",
            [.text(id.rawValue)]
        ).rows.first
        let stored: Credential? = row.flatMap { row in
            try? open(
                SealedValue(kid: try row.text("kid"), bytes: try row.bytea("sealed")), tenant: fence.tenant,
                channel: id,
                grant: fence.grantID, written: fence.written
            ).get()
        }
        let kept = purge ? Credential(parameters: stored?.parameters ?? [:]) : stored ?? Credential()
        let sealed = try seal(kept, tenant: fence.tenant, channel: id, grant: fence.next, written: fence.next)
        try await connection.query(
            """
            UPDATE credentials SET written = $2, kid = $3, sealed = $4, has_refresh_token = $5, epoch = epoch + 1
             WHERE channel_id = $1
            """,
            [
                .text(id.rawValue), .int8(fence.next), .text(sealed.kid), .bytea(sealed.bytes),
                .bool(kept.refreshToken != nil),
            ])
        guard let stored, let row else { return nil }
        return StoredGrant(
            channelID: id, tenantID: fence.tenant, provider: fence.provider, appID: fence.appID,
            externalID: fence.externalID, status: fence.status, credential: stored,
            accessIssuedAt: try row.dateOrNil("access_issued_at"),
            accessExpiresAt: try row.dateOrNil("access_expires_at"), epoch: try row.int8("epoch"))
    }

    private func change(
        _ id: ChannelID, tenantID: String?, outcome: String, actor: AuditActor,
        _ body: @Sendable (LockedFence, PostgresConnection) async throws -> Bool
    ) async throws -> Bool {
        try await transaction { connection in
            guard let fence = try await lock(id, tenantID: tenantID, on: connection),
                try await body(fence, connection)
            else { return false }
            try await noteChange(of: id, fence: fence, outcome: outcome, actor: actor, on: connection)
            return true
        }
    }

    private func noteChange(
        of id: ChannelID, fence: LockedFence, outcome: String, actor: AuditActor, on connection: PostgresConnection
    ) async throws {
        try await touch(id, on: connection)
        try await connection.query(
            """
            INSERT INTO audit (channel_id, attempt, outcome, actor, message)
            VALUES ($1, $2, $3, $4, 'Channel ' || $3 || ' by ' || $4) ON CONFLICT DO NOTHING
            """, [.text(id.rawValue), .int8(fence.next), .text(outcome), .text(actor.name)])
        try await note(
            AuditChange(action: "channel.\(outcome)", tenantID: fence.tenant, subject: id.rawValue), by: actor,
            on: connection)
    }
}
