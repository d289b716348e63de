package import Domain
package import FoundationEssentials
import Postgres

/// Acknowledging, silencing and muting.
extension Store: RelayControl {
    package func acknowledge(
        _ target: RelayTarget, note: String?, tenantID: String?, by actor: AuditActor
    ) async throws -> [Incident] {
        let ids = try await transaction { connection in
            try await Self.holdRelayLock(on: connection)
            let open = try await Self.open(target, tenantID: tenantID, on: connection)
            let ids = open.map(\.incidentID)
            guard !ids.isEmpty else { return ids }
            let taken = try await connection.query(
                """
                UPDATE incidents SET acked_at = now(), acked_by = $2, ack_note = $3, remind_at = NULL
                 WHERE id = ANY ($1) AND acked_at IS NULL RETURNING id, tenant_id
                """, [.int8Array(ids), .text(actor.name), note.map { .text(String($0.prefix(500))) } ?? .null])
            let now = try await connection.query("SELECT now() AS now").rows[0].date("now")
            var desk = DeliveryDesk(connection: connection, groupWait: .zero, now: now)
            try await desk.drop(ids, kinds: [.reminder, .escalated])
            try await IncidentRows(connection: connection, now: now).leave(
                open.filter { $0.cause.kind == .platform && $0.cause.reason == IncidentCause.platformEvent }
                    .map(\.incidentID))
            for row in taken.rows {
                try await self.note(
                    AuditChange(
                        action: "incident.acknowledged", tenantID: try row.textOrNil("tenant_id"),
                        subject: "\(try row.int8("id"))", detail: note), by: actor, on: connection)
            }
            return ids
        }
        return try await incidents(ids)
    }

    package func snooze(
        _ target: RelayTarget, until end: Date, comment: String, tenantID: String?, by actor: AuditActor
    ) async throws -> [Silence] {
        try await transaction { connection in
            try await Self.holdRelayLock(on: connection)
            let now = try await connection.query("SELECT now() AS now").rows[0].date("now")
            var silences: [Silence] = []
            for incident in try await Self.open(target, tenantID: tenantID, on: connection) {
                let silence = Silence(
                    tenantID: incident.tenantID, match: SilenceMatch(incident: incident.incidentID), startsAt: now,
                    endsAt: end, author: actor.name, comment: comment, createdAt: now)
                try await insert(silence, by: actor, on: connection)
                silences.append(silence)
            }
            return silences
        }
    }

    package func addSilence(_ silence: Silence, by actor: AuditActor) async throws {
        _ = try await transaction { connection in
            try await Self.holdRelayLock(on: connection)
            try await insert(silence, by: actor, on: connection)
        }
    }

    private func insert(_ silence: Silence, by actor: AuditActor, on connection: PostgresConnection) async throws {
        let isBegun = try await connection.query(
            """
            INSERT INTO silences (id, tenant_id, match, incident_id, starts_at, ends_at, author, comment, applied_at)
            VALUES ($1, $2, $3::jsonb, $4, $5, $6, $7, $8, CASE WHEN $5 <= now() THEN now() END)
            RETURNING applied_at IS NOT NULL AND ends_at > now() AS begun
            """,
            [
                .text(silence.id), silence.tenantID.map { .text($0) } ?? .null,
                .json(SilenceRow.json(silence.match)), silence.match.incident.map { .int8($0) } ?? .null,
                .timestamptz(silence.startsAt), .timestamptz(silence.endsAt), .text(silence.author),
                .text(silence.comment),
            ]
        ).rows[0].bool("begun")
        if isBegun { try await Self.hush(silence, on: connection) }
        try await note(
            AuditChange(
                action: "silence.added", tenantID: silence.tenantID, subject: silence.id, detail: silence.comment),
            by: actor, on: connection)
    }

    /// Drops what was not sent yet of open incidents that a silence covers, and looks at them again at its end.
    static func hush(_ silence: Silence, on connection: PostgresConnection) async throws {
        let covered = try await open(covered: silence, on: connection)
        guard !covered.isEmpty else { return }
        let now = try await connection.query("SELECT now() AS now").rows[0].date("now")
        var desk = DeliveryDesk(connection: connection, groupWait: .zero, now: now)
        try await desk.drop(covered, kinds: MessageKind.tellingOpen)
        try await connection.query(
            """
            UPDATE incidents n
               SET told_at = CASE WHEN t.told THEN n.told_at END,
                   remind_at = CASE WHEN n.acked_at IS NOT NULL OR n.parent_id IS NOT NULL THEN NULL
                       WHEN $3 OR NOT t.told THEN $2 ELSE n.remind_at END
              FROM (SELECT u.id, EXISTS (
                       SELECT 1 FROM delivery_items i JOIN deliveries d ON d.id = i.delivery_id
                        WHERE i.incident_id = u.id AND NOT i.dropped AND d.kind IN ('opened', 'reminder', 'escalated')
                          AND (d.state IN ('pending', 'sending', 'sent') OR d.maybe_arrived)) AS told
                      FROM unnest($1::int8[]) AS u(id)) t
             WHERE n.id = t.id
            """, [.int8Array(covered), .timestamptz(silence.endsAt), .bool(silence.match.incident != nil)])
    }

    private static func open(covered silence: Silence, on connection: PostgresConnection) async throws -> [Int64] {
        try await connection.query(
            """
            SELECT \(DeliveryTarget.columns) FROM incidents
             WHERE closed_at IS NULL AND ($1::int8 IS NULL OR id = $1) ORDER BY cause, id FOR UPDATE
            """, [silence.match.incident.map { .int8($0) } ?? .null]
        ).rows.map(DeliveryTarget.init).filter(silence.covers).map(\.incidentID)
    }

    private static func open(
        _ target: RelayTarget, tenantID: String?, on connection: PostgresConnection
    ) async throws -> [DeliveryTarget] {
        let (condition, parameter): (String, PostgresValue) =
            switch target {
            case .incident(let id): ("id = $1", .int8(id))
            case .delivery(let id):
                (
                    "id IN (SELECT i.incident_id FROM delivery_items i WHERE i.delivery_id = $1 AND NOT i.dropped)",
                    .text(id)
                )
            }
        return try await connection.query(
            """
            SELECT \(DeliveryTarget.columns) FROM incidents
             WHERE \(condition) AND closed_at IS NULL AND ($2::text IS NULL OR tenant_id = $2)
             ORDER BY cause, id FOR UPDATE
            """, [parameter, tenantID.map { .text($0) } ?? .null]
        ).rows.map(DeliveryTarget.init)
    }

    package func silences(isActive: Bool, tenantID: String?, limit: Int) async throws -> [Silence] {
        try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT \(SilenceRow.columns) FROM silences
                 WHERE ($1::text IS NULL OR tenant_id = $1) AND (NOT $2 OR ends_at > now())
                 ORDER BY created_at DESC, id LIMIT $3
                """,
                [tenantID.map { .text($0) } ?? .null, .bool(isActive), .int8(Int64(min(max(limit, 1), 500)))]
            ).rows
        }.map(SilenceRow.silence)
    }

    package func removeSilence(_ id: String, tenantID: String?, by actor: AuditActor) async throws -> Bool {
        try await transaction { connection in
            try await Self.holdRelayLock(on: connection)
            let row = try await connection.query(
                """
                SELECT \(SilenceRow.columns) FROM silences
                 WHERE id = $1 AND ends_at > now() AND ($2::text IS NULL OR tenant_id = $2) FOR UPDATE
                """, [.text(id), tenantID.map { .text($0) } ?? .null]
            ).rows.first
            guard let row else { return false }
            let silence = try SilenceRow.silence(row)
            // What another silence still covers is held back again when the cadence looks at it.
            try await connection.query(
                """
                UPDATE incidents SET remind_at = now()
                 WHERE id = ANY ($1) AND remind_at IS NOT NULL AND (told_at IS NULL OR remind_at = $2)
                """,
                [
                    .int8Array(try await Self.open(covered: silence, on: connection)), .timestamptz(silence.endsAt),
                ])
            try await connection.query(
                "UPDATE silences SET ends_at = now(), starts_at = least(starts_at, now()) WHERE id = $1", [.text(id)])
            try await note(
                AuditChange(action: "silence.removed", tenantID: silence.tenantID, subject: id), by: actor,
                on: connection)
            return true
        }
    }
}
