import Domain
import FoundationEssentials
import Postgres

/// Applies events to incidents and deliveries inside one transaction.
///
/// What an event means stands here; how deliveries are queued and dropped in ``DeliveryQueue``.
struct Expansion {
    private let rules: RelayRules
    private let connection: PostgresConnection
    private let now: Date
    private var queue: DeliveryQueue

    init(rules: RelayRules, connection: PostgresConnection) async throws {
        self.rules = rules
        self.connection = connection
        now = try await connection.query("SELECT now() AS now").rows[0].date("now")
        queue = try await DeliveryQueue(connection: connection, groupWait: rules.groupWait, now: now)
    }

    mutating func apply(_ event: RelayEvent) async throws {
        switch event.kind {
        case .warning, .security:
            if let channel = event.channelID { try await open(channel, event) }
        case .recovered:
            if let channel = event.channelID { try await close(.channel, channel.rawValue) }
        case .appRejected:
            if let app = event.appID { try await open(.app, app, event) }
        case .appRecovered:
            if let app = event.appID { try await close(.app, app, event) }
        case .providerDegraded:
            if let app = event.appID { try await open(.provider, app, event) }
        case .providerRecovered:
            if let app = event.appID { try await close(.provider, app, event) }
        }
    }

    // MARK: Channels

    private mutating func open(_ channel: ChannelID, _ event: RelayEvent) async throws {
        let facts = try await connection.query(
            """
            SELECT c.tenant_id, c.provider, s.app_id, k.access_issued_at, k.access_expires_at, k.human_deadline_at
              FROM channels c LEFT JOIN schedule s ON s.channel_id = c.id LEFT JOIN credentials k ON k.channel_id = c.id
             WHERE c.id = $1
            """, [.text(channel.rawValue)]
        ).rows.first
        guard let facts else { return }
        let reason = event.reason ?? WarningReason.refreshFailing.rawValue
        let cause = IncidentCause(kind: .channel, id: channel.rawValue, reason: reason)
        let provider = try facts.text("provider")
        let accessExpiresAt = try facts.dateOrNil("access_expires_at")
        let appID = try facts.textOrNil("app_id")
        let incident = OpenIncident(
            cause: cause, severity: RelayRules.severity(of: cause), provider: provider,
            tenantID: try facts.text("tenant_id"), appID: appID,
            parentID: try await openApp(appID),
            tellAt: rules.tellAt(
                cause, provider: provider, at: event.at, now: now,
                accessIssuedAt: try facts.dateOrNil("access_issued_at"),
                accessExpiresAt: accessExpiresAt),
            deadline: RelayRules.deadline(
                reason: reason, accessExpiresAt: accessExpiresAt,
                humanDeadlineAt: try facts.dateOrNil("human_deadline_at")))
        let id = try await join(incident, event, member: channel)
        try await supersede(channel, by: id)
        if incident.parentID == nil { try await queue.tell(incident.target(id), at: incident.tellAt) }
    }

    /// A channel has one reason at a time: older incidents nobody was told of end in silence, the others stay open
    /// until the channel recovers, so that every `opened` has its `recovered`.
    private mutating func supersede(_ channel: ChannelID, by id: Int64) async throws {
        let others = try await connection.query(
            """
            SELECT id FROM incidents WHERE cause_kind = 'channel' AND cause_id = $1 AND id <> $2 AND closed_at IS NULL
             ORDER BY id FOR UPDATE
            """, [.text(channel.rawValue), .int8(id)])
        for row in others.rows {
            let other = try row.int8("id")
            try await queue.drop(incident: other)
            if try await !queue.wasTold(incident: other) { try await leave(other) }
        }
    }

    /// - Parameter reason: of the incident that ends; nil: whatever is open.
    private mutating func close(_ kind: IncidentCause.Kind, _ id: String, reason: String? = nil) async throws {
        let open = try await connection.query(
            """
            SELECT id, cause_kind, cause_id, reason, severity, provider, tenant_id FROM incidents
             WHERE cause_kind = $1 AND cause_id = $2 AND ($3::text IS NULL OR reason = $3) AND closed_at IS NULL
             ORDER BY cause, id FOR UPDATE
            """, [.text(kind.rawValue), .text(id), Self.text(reason)])
        for row in open.rows {
            let target = try DeliveryTarget(row)
            try await leave(target.incidentID)
            try await queue.resolve(target)
        }
    }

    // MARK: Apps

    /// The incident of an app, or of a provider as one app meets it, is the parent of its channels' incidents: they stay
    /// open and send nothing more.
    private mutating func open(_ kind: IncidentCause.Kind, _ app: String, _ event: RelayEvent) async throws {
        let facts = try await connection.query(
            "SELECT provider, tenant_id FROM apps WHERE id = $1", [.text(app)]
        ).rows.first
        let cause = IncidentCause(kind: kind, id: app, reason: event.reason ?? event.kind.rawValue)
        let incident = OpenIncident(
            cause: cause, severity: RelayRules.severity(of: cause),
            provider: try facts?.text("provider") ?? String(app.prefix { $0 != "/" }),
            tenantID: try facts?.textOrNil("tenant_id"), appID: app, parentID: nil,
            tellAt: rules.tellAt(
                cause, provider: nil, at: event.at, now: now, accessIssuedAt: nil, accessExpiresAt: nil),
            deadline: nil)
        let id = try await join(incident, event, member: nil)
        let children = try await connection.query(
            """
            UPDATE incidents SET parent_id = $1
             WHERE id IN (SELECT id FROM incidents WHERE app_id = $2 AND cause_kind = 'channel' AND closed_at IS NULL
                           ORDER BY id FOR UPDATE)
            RETURNING id
            """, [.int8(id), .text(app)])
        for child in children.rows { try await queue.drop(incident: try child.int8("id")) }
        try await queue.tell(incident.target(id), at: incident.tellAt)
    }

    /// Lets the children speak, unless another incident of the app is still open.
    private mutating func close(_ kind: IncidentCause.Kind, _ app: String, _ event: RelayEvent) async throws {
        try await close(kind, app, reason: event.reason)
        let parent = try await openApp(app)
        let children = try await connection.query(
            """
            UPDATE incidents SET parent_id = $2
             WHERE id IN (SELECT id FROM incidents WHERE app_id = $1 AND cause_kind = 'channel' AND closed_at IS NULL
                             AND parent_id IS NOT NULL ORDER BY id FOR UPDATE)
            RETURNING id, cause_kind, cause_id, reason, severity, provider, tenant_id, tell_at
            """, [.text(app), parent.map { .int8($0) } ?? .null])
        guard parent == nil else { return }
        for child in children.rows {
            try await queue.tell(try DeliveryTarget(child), at: try child.date("tell_at"))
        }
    }

    private func openApp(_ app: String?) async throws -> Int64? {
        guard let app else { return nil }
        let parent = try await connection.query(
            """
            SELECT id FROM incidents
             WHERE app_id = $1 AND cause_kind IN ('app', 'provider') AND closed_at IS NULL ORDER BY id LIMIT 1
            """, [.text(app)])
        return try parent.rows.first?.int8("id")
    }

    // MARK: Rows

    /// Opens the incident or joins the open one of this cause.
    private func join(_ incident: OpenIncident, _ event: RelayEvent, member: ChannelID?) async throws -> Int64 {
        let opened = try await connection.query(
            """
            INSERT INTO incidents (cause, cause_kind, cause_id, reason, severity, provider, tenant_id, app_id, code,
                                   message, parent_id, tell_at, deadline_at, opened_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
            ON CONFLICT (cause) WHERE closed_at IS NULL
            DO UPDATE SET code = coalesce(excluded.code, incidents.code),
                          message = coalesce(excluded.message, incidents.message), deadline_at = excluded.deadline_at
            RETURNING id
            """,
            [
                .text(incident.cause.key), .text(incident.cause.kind.rawValue), .text(incident.cause.id),
                .text(incident.cause.reason), .text(incident.severity.rawValue), Self.text(incident.provider),
                Self.text(incident.tenantID), Self.text(incident.appID), Self.text(event.code),
                Self.text(event.message), incident.parentID.map { .int8($0) } ?? .null, .timestamptz(incident.tellAt),
                incident.deadline.map { .timestamptz($0) } ?? .null, .timestamptz(event.at),
            ])
        let id = try opened.rows[0].int8("id")
        // An app is its own only member.
        let joined = try await connection.query(
            "INSERT INTO incident_members (incident_id, channel_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            [.int8(id), .text(member?.rawValue ?? "")])
        if joined.affected > 0 {
            try await connection.query("UPDATE incidents SET members = members + 1 WHERE id = $1", [.int8(id)])
        }
        return id
    }

    /// The last member leaves and closes.
    private func leave(_ id: Int64) async throws {
        try await connection.query(
            """
            UPDATE incidents SET members = members - 1, closed_at = CASE WHEN members <= 1 THEN now() END,
                   parent_id = CASE WHEN members <= 1 THEN NULL ELSE parent_id END
             WHERE id = $1
            """, [.int8(id)])
        try await connection.query(
            "UPDATE incident_members SET left_at = now() WHERE incident_id = $1 AND left_at IS NULL", [.int8(id)])
    }

    private static func text(_ text: String?) -> PostgresValue { text.map { .text($0) } ?? .null }
}

/// An incident about to be opened or joined.
private struct OpenIncident {
    var cause: IncidentCause
    var severity: Severity
    var provider: String?
    var tenantID: String?
    var appID: String?
    var parentID: Int64?
    var tellAt: Date
    var deadline: Date?

    func target(_ id: Int64) -> DeliveryTarget {
        DeliveryTarget(
            incidentID: id, cause: cause, severity: severity, provider: provider, tenantID: tenantID)
    }
}
