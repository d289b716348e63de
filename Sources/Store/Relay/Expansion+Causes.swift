import Domain
import FoundationEssentials
import Postgres

/// Incidents of apps, destinations and the platform.
extension Expansion {
    /// The incident of an app, or of a provider as one app meets it, is the parent of its channels' incidents: they stay
    /// open and send nothing more.
    mutating func openApp(_ kind: IncidentCause.Kind, _ app: String, _ event: RelayEvent) async throws {
        let facts = try await connection.query(
            "SELECT provider, tenant_id FROM apps WHERE id = $1", [.text(app)]
        ).rows.first
        let cause = IncidentCause(kind: kind, id: app, reason: event.reason ?? event.kind.rawValue)
        let opened = try await open(alone: [
            OpenIncident(
                cause: cause, severity: RelayRules.severity(of: cause),
                provider: try facts?.text("provider") ?? String(app.prefix { $0 != "/" }),
                tenantID: try facts?.textOrNil("tenant_id"), appID: app, code: event.code, message: event.message,
                tellAt: now.later(by: rules.groupWait), at: event.at)
        ])
        guard let id = opened[cause] else { return }
        let children = try await connection.query(
            """
            UPDATE incidents SET parent_id = $1, remind_at = NULL
             WHERE id IN (SELECT id FROM incidents WHERE app_id = $2 AND cause_kind = 'channel' AND closed_at IS NULL
                           ORDER BY id FOR UPDATE)
            RETURNING id
            """, [.int8(id), .text(app)]
        ).rows.map { try $0.int8("id") }
        guard !children.isEmpty else { return }
        try await queue.drop(children, kinds: MessageKind.tellingOpen)
        let told = try await queue.told(among: children)
        try await connection.query(
            "UPDATE incidents SET told_at = NULL WHERE id = ANY ($1)",
            [.int8Array(children.filter { !told.contains($0) })])
    }

    /// Lets the children speak, unless another incident of the app is still open.
    mutating func closeApp(_ kind: IncidentCause.Kind, _ app: String, _ event: RelayEvent) async throws {
        try await end(
            "cause_kind = $1 AND cause_id = $2 AND ($3::text IS NULL OR reason = $3)",
            [.text(kind.rawValue), .text(app), event.reason.map { .text($0) } ?? .null])
        let parent = try await connection.query(
            "SELECT \(IncidentRows.parent(ofApp: "$1")) AS id", [.text(app)]
        ).rows[0].int8OrNil("id")
        let children = try await connection.query(
            """
            UPDATE incidents SET parent_id = $2
             WHERE id IN (SELECT id FROM incidents WHERE app_id = $1 AND cause_kind = 'channel' AND closed_at IS NULL
                             AND parent_id IS NOT NULL ORDER BY id FOR UPDATE)
            RETURNING \(DeliveryTarget.columns)
            """, [.text(app), parent.map { .int8($0) } ?? .null])
        guard parent == nil else { return }
        try await queue.tell(try children.rows.map(DeliveryTarget.init))
    }

    mutating func openDestination(_ event: RelayEvent) async throws {
        guard let id = event.destinationID else { return }
        let facts = try await connection.query(
            "SELECT name, tenant_id FROM destinations WHERE id = $1 AND removed_at IS NULL", [.text(id)]
        ).rows.first
        guard let facts else { return }
        let cause = IncidentCause(kind: .platform, id: id, reason: IncidentCause.destinationDegraded)
        try await open(alone: [
            OpenIncident(
                cause: cause, severity: RelayRules.severity(of: cause), tenantID: try facts.textOrNil("tenant_id"),
                code: event.code, message: event.message, title: try facts.text("name"),
                tellAt: now.later(by: rules.groupWait), at: event.at)
        ])
    }

    /// - Parameter events: each of another cause.
    mutating func open(platform events: [RelayEvent]) async throws {
        let incidents = events.compactMap { event in
            event.platform.map { platform in
                OpenIncident(
                    cause: IncidentCause(
                        kind: .platform, id: platform.causeID, reason: IncidentCause.platformEvent),
                    severity: platform.severity, tenantID: platform.tenantID, message: platform.message,
                    title: platform.title, link: platform.link, data: platform.data,
                    tellAt: now.later(by: rules.groupWait), at: event.at)
            }
        }
        try await open(alone: incidents)
    }

    /// Incidents that have no parent and replace no other.
    @discardableResult
    private mutating func open(alone incidents: [OpenIncident]) async throws -> [IncidentCause: Int64] {
        let incidents = incidents.map(announced)
        let joined = try await rows.join(incidents, flaps: [:])
        try await tell(incidents, joined)
        return joined.ids
    }
}

extension PlatformEvent {
    /// Ids are each tenant's own.
    var causeID: String { tenantID.map { "\($0)/\(id)" } ?? id }
}
