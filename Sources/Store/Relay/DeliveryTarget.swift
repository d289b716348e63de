import Domain
import FoundationEssentials
import Postgres

/// What routing and the cadence need to know of an incident.
struct DeliveryTarget {
    var incidentID: Int64
    var cause: IncidentCause
    var severity: Severity
    var provider: String?
    var tenantID: String?
    /// Nobody is told before.
    var tellAt: Date
    var deadline: Date?
    var flaps: Int

    static let columns =
        "id, cause_kind, cause_id, reason, severity, provider, tenant_id, tell_at, deadline_at, flaps"

    var type: MessageType { MessageType.opening(cause) }

    var news: RoutedNews {
        RoutedNews(
            tenantID: tenantID, provider: provider, type: type, severity: severity,
            subject: cause.kind == .platform && cause.reason == IncidentCause.destinationDegraded ? cause.id : nil)
    }
}

extension DeliveryTarget {
    /// - Parameter row: ``columns`` of `incidents`.
    init(_ row: PostgresRow) throws {
        incidentID = try row.int8("id")
        cause = try IncidentCause(row)
        severity = Severity(rawValue: try row.text("severity")) ?? .critical
        provider = try row.textOrNil("provider")
        tenantID = try row.textOrNil("tenant_id")
        tellAt = try row.date("tell_at")
        deadline = try row.dateOrNil("deadline_at")
        flaps = Int(try row.int4("flaps"))
    }
}

extension IncidentCause {
    /// - Parameter row: `cause_kind, cause_id, reason` of `incidents`.
    init(_ row: PostgresRow) throws {
        self.init(
            kind: Kind(rawValue: try row.text("cause_kind")) ?? .platform, id: try row.text("cause_id"),
            reason: try row.text("reason"))
    }
}
