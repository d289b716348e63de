import Domain
import FoundationEssentials
import Postgres

/// Applies events to incidents and deliveries inside one transaction, in their order.
///
/// What an event means stands here; rows in ``IncidentRows``, deliveries in ``DeliveryQueue``.
struct Expansion {
    let rules: RelayRules
    let connection: PostgresConnection
    let now: Date
    var rows: IncidentRows
    var queue: DeliveryQueue

    /// - Parameter now: the transaction's time.
    init(rules: RelayRules, early: EarlyClaims? = nil, connection: PostgresConnection, now: Date) async throws {
        self.rules = rules
        self.connection = connection
        self.now = now
        rows = IncidentRows(connection: connection, now: now)
        queue = try await DeliveryQueue(connection: connection, rules: rules, early: early, now: now)
    }

    mutating func apply(_ events: [RelayEvent]) async throws {
        for run in Self.runs(of: events) {
            switch run[0].kind {
            case .warning, .security: try await open(run)
            case .recovered: try await close(run.compactMap(\.channelID))
            case .platform: try await open(platform: run)
            default: for event in run { try await apply(event) }
            }
        }
    }

    private mutating func apply(_ event: RelayEvent) async throws {
        switch event.kind {
        case .warning, .security, .recovered, .platform: break
        case .appRejected:
            if let app = event.appID { try await openApp(.app, app, event) }
        case .appRecovered:
            if let app = event.appID { try await closeApp(.app, app, event) }
        case .providerDegraded:
            if let app = event.appID { try await openApp(.provider, app, event) }
        case .providerRecovered:
            if let app = event.appID { try await closeApp(.provider, app, event) }
        case .destinationDegraded: try await openDestination(event)
        case .destinationRecovered:
            if let id = event.destinationID {
                try await end(
                    "cause_kind = 'platform' AND reason = '\(IncidentCause.destinationDegraded)' AND cause_id = $1",
                    [.text(id)])
            }
        }
    }

    /// Neighbours that do the same to different subjects: what is applied together keeps every subject's order.
    private static func runs(of events: [RelayEvent]) -> [[RelayEvent]] {
        var runs: [[RelayEvent]] = []
        var subjects: Set<String> = []
        var last: Step?
        for event in events {
            let step = Step(event)
            if let step, step == last, let subject = event.subject, subjects.insert(subject).inserted {
                runs[runs.count - 1].append(event)
            } else {
                runs.append([event])
                subjects = event.subject.map { [$0] } ?? []
            }
            last = step
        }
        return runs
    }

    /// What many events do at once; nil: each stands alone.
    private enum Step {
        case openChannels, closeChannels, openPlatform

        init?(_ event: RelayEvent) {
            switch event.kind {
            case .warning, .security: self = .openChannels
            case .recovered: self = .closeChannels
            case .platform: self = .openPlatform
            default: return nil
            }
        }
    }

    // MARK: Channels

    private mutating func open(_ events: [RelayEvent]) async throws {
        let events = Dictionary(
            events.compactMap { event in event.channelID.map { ($0, event) } }, uniquingKeysWith: { $1 })
        let facts = try await connection.query(
            """
            SELECT c.id, c.tenant_id, c.provider, s.app_id, k.access_issued_at, k.access_expires_at, k.human_deadline_at,
                   c.user_id, c.display_name,
                   \(IncidentRows.parent(ofApp: "s.app_id")) AS parent
              FROM channels c LEFT JOIN schedule s ON s.channel_id = c.id LEFT JOIN credentials k ON k.channel_id = c.id
             WHERE c.id = ANY ($1) ORDER BY c.id
            """, [.textArray(events.keys.map(\.rawValue))])
        var opening: [OpenIncident] = []
        for row in facts.rows {
            let channel = ChannelID(rawValue: try row.text("id"))
            guard let event = events[channel] else { continue }
            opening.append(try incident(channel, event, row))
        }
        try await open(channels: opening)
    }

    /// - Parameter row: the channel's facts.
    private func incident(_ channel: ChannelID, _ event: RelayEvent, _ row: PostgresRow) throws -> OpenIncident {
        let cause = IncidentCause(
            kind: .channel, id: channel.rawValue, reason: event.reason ?? WarningReason.refreshFailing.rawValue)
        let provider = try row.text("provider")
        let accessExpiresAt = try row.dateOrNil("access_expires_at")
        return OpenIncident(
            cause: cause, severity: RelayRules.severity(of: cause), provider: provider,
            tenantID: try row.text("tenant_id"), appID: try row.textOrNil("app_id"), code: event.code,
            message: event.message, parentID: try row.int8OrNil("parent"),
            tellAt: rules.tellAt(
                cause, provider: provider, at: event.at, now: now,
                accessIssuedAt: try row.dateOrNil("access_issued_at"), accessExpiresAt: accessExpiresAt),
            deadline: RelayRules.deadline(
                reason: cause.reason, accessExpiresAt: accessExpiresAt,
                humanDeadlineAt: try row.dateOrNil("human_deadline_at")),
            at: event.at, userID: try row.textOrNil("user_id"), displayName: try row.textOrNil("display_name"))
    }

    mutating func open(channels opening: [OpenIncident]) async throws {
        guard !opening.isEmpty else { return }
        let flapping = try await reopen(opening)
        let opening = opening.map { $0.parentID == nil ? announced($0) : $0 }
        let joined = try await rows.join(opening, flaps: flapping)
        try await supersede(opening.map(\.cause.id), by: Array(joined.ids.values))
        try await tell(opening.filter { $0.parentID == nil }, joined)
    }

    /// With what a new incident notes of its own telling.
    func announced(_ incident: OpenIncident) -> OpenIncident {
        var incident = incident
        // No silence is of an incident that has no id yet.
        incident.announcement = queue.announcement(of: incident.target(0))
        return incident
    }

    mutating func tell(_ incidents: [OpenIncident], _ joined: IncidentRows.Joined) async throws {
        let opened = incidents.compactMap { incident in joined.ids[incident.cause].map { (id: $0, incident: incident) }
        }
        try await queue.tell(new: opened.filter { joined.new.contains($0.id) })
        try await queue.tell(
            opened.filter { !joined.new.contains($0.id) }.map { $0.incident.target($0.id) })
    }

    /// Brings incidents back that closed so lately that nobody was told of it.
    ///
    /// - Returns: how often each of the others came back already.
    private mutating func reopen(_ opening: [OpenIncident]) async throws -> [IncidentCause: Int] {
        let recent = try await rows.recent(opening.map(\.cause))
        var flaps: [IncidentCause: Int] = [:]
        var back: [Int64] = []
        for incident in recent {
            if incident.isUntold { back.append(incident.id) } else { flaps[incident.cause] = incident.flaps + 1 }
        }
        if !back.isEmpty {
            try await queue.drop(back, kinds: [.recovered])
            try await rows.reopen(back)
        }
        return flaps
    }

    /// A channel has one reason at a time: older incidents nobody was told of end in silence, the others stay open and
    /// quiet until the channel recovers, so that every `opened` has its `recovered`.
    private mutating func supersede(_ channels: [String], by ids: [Int64]) async throws {
        let others = try await connection.query(
            """
            SELECT id FROM incidents
             WHERE cause_kind = 'channel' AND cause_id = ANY ($1) AND id <> ALL ($2) AND closed_at IS NULL
             ORDER BY cause, id FOR UPDATE
            """, [.textArray(channels), .int8Array(ids)]
        ).rows.map { try $0.int8("id") }
        guard !others.isEmpty else { return }
        try await queue.drop(others, kinds: MessageKind.tellingOpen)
        let told = try await queue.told(among: others)
        try await rows.leave(others.filter { !told.contains($0) })
        try await connection.query(
            "UPDATE incidents SET remind_at = NULL WHERE id = ANY ($1)", [.int8Array(Array(told))])
    }

    /// A warning of a grant's end outlives a recovery that does not move that end.
    private mutating func close(_ channels: [ChannelID]) async throws {
        try await end(
            """
            cause_kind = 'channel' AND cause_id = ANY ($1) AND (reason <> '\(IncidentCause.expiring)' OR NOT EXISTS (
                SELECT 1 FROM credentials k
                 WHERE k.channel_id = cause_id AND k.human_deadline_at <= deadline_at + interval '1 hour'))
            """, [.textArray(channels.map(\.rawValue))])
    }

    /// Closes what is open of a condition and tells whoever knows of it.
    mutating func end(_ condition: String, _ parameters: [PostgresValue]) async throws {
        let open = try await connection.query(
            """
            SELECT \(DeliveryTarget.columns) FROM incidents WHERE \(condition) AND closed_at IS NULL
             ORDER BY cause, id FOR UPDATE
            """, parameters)
        let targets = try open.rows.map(DeliveryTarget.init)
        try await rows.leave(targets.map(\.incidentID))
        try await queue.resolve(targets)
    }
}

extension RelayEvent {
    /// What a channel's or the platform's own event is about.
    fileprivate var subject: String? { channelID?.rawValue ?? platform?.causeID }
}
