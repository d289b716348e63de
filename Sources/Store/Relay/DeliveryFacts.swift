import Domain
import FoundationEssentials
import Postgres

/// What a delivery carries.
struct DeliveryFacts {
    var incidents: [IncidentFacts] = []
    var total = 0
    var rootIncident: Int64 = 0

    static func all(
        of deliveries: [String], on connection: PostgresConnection
    ) async throws -> [String: DeliveryFacts] {
        guard !deliveries.isEmpty else { return [:] }
        let rows = try await connection.query(
            """
            SELECT x.delivery_id, n.*, c.user_id, c.display_name,
                   CASE WHEN n.cause_kind IN ('app', 'provider') THEN (SELECT count(*) FROM schedule s
                        WHERE s.app_id = n.cause_id AND s.status IN (1, 2)) ELSE 1 END AS channels
              FROM unnest($1::text[]) AS x(delivery_id) CROSS JOIN LATERAL (
                   SELECT m.id, m.cause_kind, m.cause_id, m.reason, m.severity, m.provider, m.tenant_id, m.code, m.message,
                          m.opened_at, m.deadline_at, m.title, m.link, m.data, m.reminders, m.acked_by
                     FROM delivery_items i JOIN incidents m ON m.id = i.incident_id
                    WHERE i.delivery_id = x.delivery_id AND NOT i.dropped
                    ORDER BY m.deadline_at NULLS LAST, m.id DESC LIMIT \(ClaimedDelivery.incidentsMax)) n
              LEFT JOIN channels c ON n.cause_kind = 'channel' AND c.id = n.cause_id
             ORDER BY x.delivery_id, n.deadline_at NULLS LAST, n.id DESC
            """, [.textArray(deliveries)])
        var facts: [String: DeliveryFacts] = [:]
        for row in rows.rows {
            facts[try row.text("delivery_id"), default: DeliveryFacts()].incidents.append(try IncidentFacts(row))
        }
        for (delivery, carried) in facts {
            facts[delivery]?.total = Set(carried.incidents.map(\.cause.id)).count
            facts[delivery]?.rootIncident = carried.incidents.map(\.id).min() ?? 0
        }
        let full = facts.filter { $0.value.incidents.count == ClaimedDelivery.incidentsMax }.keys
        for row in try await counts(of: Array(full), on: connection) {
            facts[try row.text("delivery_id")]?.total = Int(try row.int8("total"))
            facts[try row.text("delivery_id")]?.rootIncident = try row.int8("root")
        }
        return facts
    }

    /// Of deliveries that carry more than they name.
    private static func counts(of deliveries: [String], on connection: PostgresConnection) async throws -> [PostgresRow]
    {
        guard !deliveries.isEmpty else { return [] }
        return try await connection.query(
            """
            SELECT i.delivery_id, count(DISTINCT n.cause_id) AS total, min(n.id) AS root
              FROM delivery_items i JOIN incidents n ON n.id = i.incident_id
             WHERE i.delivery_id = ANY ($1) AND NOT i.dropped GROUP BY i.delivery_id
            """, [.textArray(deliveries)]
        ).rows
    }
}

extension IncidentFacts {
    fileprivate init(_ row: PostgresRow) throws {
        self.init(
            id: try row.int8("id"), cause: try IncidentCause(row),
            severity: Severity(rawValue: try row.text("severity")) ?? .critical,
            provider: try row.textOrNil("provider"), tenantID: try row.textOrNil("tenant_id"),
            message: try row.textOrNil("message"), openedAt: try row.date("opened_at"),
            deadline: try row.dateOrNil("deadline_at"), userID: try row.textOrNil("user_id"),
            displayName: try row.textOrNil("display_name"), channels: Int(try row.int8("channels")))
        code = try row.textOrNil("code")
        title = try row.textOrNil("title")
        link = try row.textOrNil("link")
        data = try row.jsonOrNil("data")
        reminders = Int(try row.int4("reminders"))
        acknowledgedBy = try row.textOrNil("acked_by")
    }
}
