package import Domain
import FoundationEssentials
import Postgres

/// Reminders, escalations, what silences held back, and grants that end soon (PROTOCOL §9).
extension Store {
    package func keepCadence(limit: Int, rules: RelayRules) async throws -> Int {
        try await transaction { connection in
            guard let now = try await Self.takeRelayLock(on: connection) else { return 0 }
            try await Self.beginSilences(on: connection)
            let due = try await Self.due(limit: limit, gathering: rules.reminderGathering, on: connection)
            guard !due.isEmpty else { return 0 }
            var expansion = try await Expansion(rules: rules, connection: connection, now: now)
            try await expansion.keepCadence(due)
            return due.count
        }
    }

    /// With one reminder that is due, those that would follow soon go out together.
    private static func due(
        limit: Int, gathering: Duration, on connection: PostgresConnection
    ) async throws -> [CadenceRow] {
        try await connection.query(
            """
            SELECT \(DeliveryTarget.columns), remind_at, reminders, escalated_at IS NOT NULL AS escalated,
                   told_at IS NOT NULL AS told, parent_id IS NOT NULL AS child, acked_at IS NOT NULL AS acked
              FROM incidents
             WHERE closed_at IS NULL AND EXISTS (
                   SELECT 1 FROM incidents x WHERE x.closed_at IS NULL AND x.remind_at <= now())
               AND remind_at <= now() + CASE WHEN told_at IS NULL THEN interval '0'
                                             ELSE make_interval(secs => $1) END
             ORDER BY remind_at, id LIMIT \(min(max(limit, 1), 1000)) FOR UPDATE
            """, [.float8(gathering.seconds)]
        ).rows.map(CadenceRow.init)
    }

    /// A silence that begins later than it was made drops what waits when its time comes.
    private static func beginSilences(on connection: PostgresConnection) async throws {
        let begun = try await connection.query(
            """
            UPDATE silences SET applied_at = now() WHERE applied_at IS NULL AND starts_at <= now() AND ends_at > now()
            RETURNING \(SilenceRow.columns)
            """
        ).rows.map(SilenceRow.silence)
        for silence in begun { try await hush(silence, on: connection) }
    }

    /// Opens incidents of grants that end soon and that no machine can renew, and closes those whose end moved.
    ///
    /// - Returns: how many were opened or closed.
    package func watchDeadlines(rules: RelayRules) async throws -> Int {
        try await transaction { connection in
            guard let now = try await Self.takeRelayLock(on: connection) else { return 0 }
            var expansion = try await Expansion(rules: rules, connection: connection, now: now)
            return try await expansion.watchDeadlines()
        }
    }
}

/// An open incident whose time has come, with what decides about it.
struct CadenceRow {
    var incident: DueIncident
    var isTold: Bool
    var isChild: Bool
    var isAcknowledged: Bool

    init(_ row: PostgresRow) throws {
        incident = DueIncident(
            target: try DeliveryTarget(row), dueAt: try row.date("remind_at"),
            reminders: Int(try row.int4("reminders")), isEscalated: try row.bool("escalated"))
        isTold = try row.bool("told")
        isChild = try row.bool("child")
        isAcknowledged = try row.bool("acked")
    }

    /// News that matters little is told once and then over.
    var isPassing: Bool {
        incident.target.cause.kind == .platform && incident.target.cause.reason == IncidentCause.platformEvent
            && incident.target.severity < .critical
    }
}

extension Expansion {
    mutating func keepCadence(_ due: [CadenceRow]) async throws {
        let silent = due.filter { $0.isChild || $0.isAcknowledged }.map(\.incident.target.incidentID)
        if !silent.isEmpty {
            try await connection.query(
                "UPDATE incidents SET remind_at = NULL WHERE id = ANY ($1)", [.int8Array(silent)])
        }
        let speaking = due.filter { !$0.isChild && !$0.isAcknowledged }
        try await rows.leave(speaking.filter { $0.isTold && $0.isPassing }.map(\.incident.target.incidentID))
        try await queue.tell(speaking.filter { !$0.isTold }.map(\.incident.target))
        try await queue.remind(speaking.filter { $0.isTold && !$0.isPassing }.map(\.incident))
    }

    fileprivate mutating func watchDeadlines() async throws -> Int {
        let moved = try await connection.query(
            """
            SELECT n.id FROM incidents n
              LEFT JOIN schedule s ON s.channel_id = n.cause_id LEFT JOIN credentials k ON k.channel_id = n.cause_id
             WHERE n.cause_kind = 'channel' AND n.reason = '\(IncidentCause.expiring)' AND n.closed_at IS NULL
               AND (s.channel_id IS NULL OR s.status = 4 OR k.human_deadline_at IS NULL
                    OR k.human_deadline_at > n.deadline_at + interval '1 hour')
             LIMIT 1000
            """
        ).rows.map { try $0.int8("id") }
        if !moved.isEmpty { try await end("id = ANY ($1)", [.int8Array(moved)]) }
        let opening = try await ending()
        try await open(channels: opening)
        return moved.count + opening.count
    }

    /// Grants within the longest warning time whose end nothing but a human moves.
    ///
    /// A grant that was younger than that at its beginning is warned of at the first later step: nobody who just
    /// authorized is told at once. grant_id is the database's microseconds of that moment.
    private func ending() async throws -> [OpenIncident] {
        let steps = RelayRules.warningDays
        let byRule = Dictionary(grouping: rules.deadlines.keys) { rules.deadlines[$0] }
        let found = try await connection.query(
            """
            SELECT c.id, c.tenant_id, c.provider, s.app_id, k.human_deadline_at,
                   \(IncidentRows.parent(ofApp: "s.app_id")) AS parent
              FROM credentials k JOIN schedule s USING (channel_id) JOIN channels c ON c.id = k.channel_id
             WHERE k.human_deadline_at > now() AND k.human_deadline_at <= now() + interval '\(steps.max() ?? 0) days'
               AND s.status = 1
               AND (c.provider = ANY ($1)
                    OR c.provider = ANY ($2) AND (s.due_at IS NULL OR s.due_at >= k.human_deadline_at)
                    OR c.provider = ANY ($3) AND (s.due_at IS NULL OR s.due_at >= k.human_deadline_at
                       OR k.human_deadline_at < k.access_expires_at - interval '1 minute'))
               AND EXISTS (SELECT 1 FROM unnest($4::int4[]) AS d(days)
                            WHERE k.human_deadline_at - make_interval(days => days) <= now()
                              AND k.human_deadline_at - make_interval(days => days)
                                  > to_timestamp(s.grant_id / 1000000.0))
               AND NOT EXISTS (SELECT 1 FROM incidents n
                                WHERE n.cause_id = c.id AND n.cause_kind = 'channel'
                                  AND n.reason = '\(IncidentCause.expiring)' AND n.closed_at IS NULL)
             ORDER BY c.id LIMIT 1000
            """,
            [
                .textArray(byRule[.human] ?? []), .textArray(byRule[.renewal] ?? []),
                .textArray(byRule[.accessToken] ?? []), .int4Array(steps.map { Int32($0) }),
            ])
        return try found.rows.map { row in
            let cause = IncidentCause(kind: .channel, id: try row.text("id"), reason: IncidentCause.expiring)
            return OpenIncident(
                cause: cause, severity: RelayRules.severity(of: cause), provider: try row.text("provider"),
                tenantID: try row.text("tenant_id"), appID: try row.textOrNil("app_id"), code: "expiring",
                message: "The grant ends and no refresh can extend it: authorize the channel again before.",
                parentID: try row.int8OrNil("parent"), tellAt: now.later(by: rules.groupWait),
                deadline: try row.date("human_deadline_at"), at: now)
        }
    }
}
