import Domain
import FoundationEssentials
import Postgres

/// An incident about to be opened or joined.
struct OpenIncident {
    var cause: IncidentCause
    var severity: Severity
    var provider: String?
    var tenantID: String?
    var appID: String?
    var code: String?
    var message: String?
    var title: String?
    var link: String?
    /// A JSON object as text.
    var data: String?
    var parentID: Int64?
    var tellAt: Date
    var deadline: Date?
    var at: Date
    /// Of channels.
    var userID: String?
    var displayName: String?
    /// What telling it for the first time is.
    var announcement = Announcement()

    /// What a message of it alone is rendered from.
    func facts(_ id: Int64) -> IncidentFacts {
        var facts = IncidentFacts(
            id: id, cause: cause, severity: severity, provider: provider, tenantID: tenantID, message: message,
            openedAt: at, deadline: deadline, userID: userID, displayName: displayName, channels: 1)
        facts.code = code
        facts.title = title
        facts.link = link
        facts.data = data
        return facts
    }

    func target(_ id: Int64) -> DeliveryTarget {
        DeliveryTarget(
            incidentID: id, cause: cause, severity: severity, provider: provider, tenantID: tenantID, tellAt: tellAt,
            deadline: deadline, flaps: 0)
    }
}

/// Rows of incidents and their members inside one transaction of the relay.
struct IncidentRows {
    let connection: PostgresConnection
    let now: Date

    /// The open incident of an app, or of a provider as the app meets it: its channels' incidents are silent under it.
    ///
    /// Found by its cause: in a storm thousands of channels' incidents carry the same app.
    static func parent(ofApp app: String) -> String {
        """
        (SELECT min(n.id) FROM incidents n
          WHERE n.cause_id = \(app) AND n.cause_kind IN ('app', 'provider') AND n.closed_at IS NULL)
        """
    }

    /// The incidents of some causes.
    struct Joined {
        var ids: [IncidentCause: Int64] = [:]
        /// Those that were not open before.
        var new: Set<Int64> = []
    }

    /// Opens the incidents or joins the open ones of their causes; each cause once.
    func join(_ incidents: [OpenIncident], flaps: [IncidentCause: Int]) async throws -> Joined {
        guard !incidents.isEmpty else { return Joined() }
        let keyed = incidents.map { (key: $0.cause.key, incident: $0) }.sorted { $0.key < $1.key }
        let sorted = keyed.map(\.incident)
        // Unnested beside each other: as arguments of one `unnest`, each array would be a table of its own first.
        let opened = try await connection.query(
            """
            INSERT INTO incidents (cause, cause_kind, cause_id, reason, severity, provider, tenant_id, app_id, code,
                                   message, title, link, data, parent_id, tell_at, deadline_at, opened_at, flaps, members,
                                   told_at, remind_at)
            SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]),
                   unnest($6::text[]), unnest($7::text[]), unnest($8::text[]), unnest($9::text[]), unnest($10::text[]),
                   unnest($11::text[]), unnest($12::text[]), unnest($13::text[])::jsonb, unnest($14::int8[]),
                   unnest($15::timestamptz[]), unnest($16::timestamptz[]), unnest($17::timestamptz[]),
                   unnest($18::int4[]), 1, unnest($19::timestamptz[]), unnest($20::timestamptz[])
            ON CONFLICT (cause_id, cause_kind, reason) WHERE closed_at IS NULL
            DO UPDATE SET code = coalesce(excluded.code, incidents.code),
                          message = coalesce(excluded.message, incidents.message), deadline_at = excluded.deadline_at
            RETURNING id, cause_kind, cause_id, reason, xmax = 0 AS is_new
            """,
            [
                .textArray(keyed.map(\.key)), .textArray(sorted.map(\.cause.kind.rawValue)),
                .textArray(sorted.map(\.cause.id)), .textArray(sorted.map(\.cause.reason)),
                .textArray(sorted.map(\.severity.rawValue)), .textArray(sorted.map(\.provider)),
                .textArray(sorted.map(\.tenantID)), .textArray(sorted.map(\.appID)), .textArray(sorted.map(\.code)),
                .textArray(sorted.map(\.message)), .textArray(sorted.map(\.title)), .textArray(sorted.map(\.link)),
                .textArray(sorted.map(\.data)), .int8Array(sorted.map(\.parentID)),
                .timestamptzArray(sorted.map(\.tellAt)), .timestamptzArray(sorted.map(\.deadline)),
                .timestamptzArray(sorted.map(\.at)), .int4Array(sorted.map { Int32(clamping: flaps[$0.cause] ?? 0) }),
                .timestamptzArray(sorted.map { $0.announcement.isTold ? now : nil }),
                .timestamptzArray(sorted.map(\.announcement.lookAt)),
            ])
        var joined = Joined()
        var members: (new: [Member], joining: [Member]) = ([], [])
        for row in opened.rows {
            let cause = try IncidentCause(row)
            let member = Member(incident: try row.int8("id"), channel: cause.id)
            joined.ids[cause] = member.incident
            let isNew = try row.bool("is_new")
            if isNew { joined.new.insert(member.incident) }
            // Anything but a channel is its own only member, and stands nowhere else.
            guard cause.kind == .channel else { continue }
            if isNew { members.new.append(member) } else { members.joining.append(member) }
        }
        try await found(members.new)
        try await join(members.joining)
        return joined
    }

    private struct Member {
        var incident: Int64
        var channel: String
    }

    /// The first members, which their incidents count already.
    private func found(_ members: [Member]) async throws {
        guard !members.isEmpty else { return }
        try await connection.query(
            "INSERT INTO incident_members (incident_id, channel_id) SELECT * FROM unnest($1::int8[], $2::text[])",
            [.int8Array(members.map(\.incident)), .textArray(members.map(\.channel))])
    }

    private func join(_ members: [Member]) async throws {
        guard !members.isEmpty else { return }
        let members = members.sorted { $0.incident < $1.incident }
        try await connection.query(
            """
            WITH m AS (
              INSERT INTO incident_members (incident_id, channel_id) SELECT * FROM unnest($1::int8[], $2::text[])
              ON CONFLICT (incident_id, channel_id) DO UPDATE SET left_at = NULL, joined_at = now()
               WHERE incident_members.left_at IS NOT NULL
              RETURNING incident_id)
            UPDATE incidents n SET members = members + 1 FROM m WHERE n.id = m.incident_id
            """, [.int8Array(members.map(\.incident)), .textArray(members.map(\.channel))])
    }

    /// The last member leaves and closes.
    func leave(_ ids: [Int64]) async throws {
        guard !ids.isEmpty else { return }
        try await connection.query(
            """
            UPDATE incidents SET members = members - 1, closed_at = CASE WHEN members <= 1 THEN now() END,
                   parent_id = CASE WHEN members <= 1 THEN NULL ELSE parent_id END
             WHERE id = ANY ($1)
            """, [.int8Array(ids)])
        try await connection.query(
            "UPDATE incident_members SET left_at = now() WHERE incident_id = ANY ($1) AND left_at IS NULL",
            [.int8Array(ids)])
    }

    /// An incident that closed within the window.
    struct Recent {
        var id: Int64
        var cause: IncidentCause
        var flaps: Int
        /// Its end waits for everybody who knew of it, so that it can be taken back.
        var isUntold: Bool
    }

    /// The newest of each cause that has none open.
    func recent(_ causes: [IncidentCause]) async throws -> [Recent] {
        try await connection.query(
            """
            SELECT n.id, n.cause_kind, n.cause_id, n.reason, n.flaps,
                   coalesce(bool_and(d.state = 'pending' AND d.content IS NULL), false) AS untold
              FROM (SELECT DISTINCT ON (cause) id, cause, cause_kind, cause_id, reason, flaps FROM incidents c
                     WHERE cause = ANY ($1) AND closed_at > $2 AND NOT EXISTS (
                           SELECT 1 FROM incidents o
                            WHERE o.cause_id = c.cause_id AND o.cause_kind = c.cause_kind AND o.reason = c.reason
                              AND o.closed_at IS NULL)
                     ORDER BY cause, id DESC) n
              LEFT JOIN delivery_items i ON i.incident_id = n.id AND NOT i.dropped
              LEFT JOIN deliveries d ON d.id = i.delivery_id AND d.kind = 'recovered'
             WHERE i.delivery_id IS NULL OR d.id IS NOT NULL
             GROUP BY n.id, n.cause_kind, n.cause_id, n.reason, n.flaps
            """, [.textArray(causes.map(\.key)), .timestamptz(now.earlier(by: RelayRules.flapWindow))]
        ).rows.map { row in
            Recent(
                id: try row.int8("id"), cause: try IncidentCause(row), flaps: Int(try row.int4("flaps")),
                isUntold: try row.bool("untold"))
        }
    }

    /// Members join again as they would a new one.
    func reopen(_ ids: [Int64]) async throws {
        try await connection.query(
            "UPDATE incidents SET closed_at = NULL, flaps = flaps + 1 WHERE id = ANY ($1)", [.int8Array(ids)])
    }
}
