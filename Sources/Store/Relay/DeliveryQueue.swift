import Domain
import FoundationEssentials
import Postgres

/// What routing needs to know of an incident.
struct DeliveryTarget {
    var incidentID: Int64
    var cause: IncidentCause
    var severity: Severity
    var provider: String?
    var tenantID: String?
}

extension DeliveryTarget {
    /// - Parameter row: `id, cause_kind, cause_id, reason, severity, provider, tenant_id` of `incidents`.
    init(_ row: PostgresRow) throws {
        incidentID = try row.int8("id")
        cause = IncidentCause(
            kind: IncidentCause.Kind(rawValue: try row.text("cause_kind")) ?? .platform, id: try row.text("cause_id"),
            reason: try row.text("reason"))
        severity = Severity(rawValue: try row.text("severity")) ?? .critical
        provider = try row.textOrNil("provider")
        tenantID = try row.textOrNil("tenant_id")
    }
}

/// Queues, drops and resolves deliveries inside an expansion.
///
/// Reminders and escalations will be told through ``enqueue(_:receiver:kind:type:at:)`` like openings.
struct DeliveryQueue {
    private struct Receiver: Hashable {
        var destinationID: String
        var recipient: String
    }

    private struct Group: Hashable {
        var receiver: Receiver
        var kind: MessageKind
        var type: MessageType
    }

    private let connection: PostgresConnection
    private let groupWait: Duration
    private let now: Date
    private let destinations: [DestinationSummary]
    /// Deliveries of this transaction that others may join, locked by it.
    private var joinable: [Group: (id: String, runAt: Date)] = [:]

    init(connection: PostgresConnection, groupWait: Duration, now: Date) async throws {
        self.connection = connection
        self.groupWait = groupWait
        self.now = now
        destinations = try await DestinationRow.live(on: connection)
    }

    /// Queues `opened` for every destination the incident is routed to and that was not told yet.
    mutating func tell(_ target: DeliveryTarget, at tellAt: Date) async throws {
        let type = MessageType.opening(target.cause)
        let routed = RelayRules.route(
            tenantID: target.tenantID, provider: target.provider, type: type, severity: target.severity,
            among: destinations
        ) { ($0.tenantID, $0.isDefault, $0.match) }
        guard !routed.isEmpty else { return }
        let told = try await receivers(of: target.incidentID)
        for destination in routed {
            for recipient in destination.recipients.isEmpty ? [""] : destination.recipients {
                let receiver = Receiver(destinationID: destination.id, recipient: recipient)
                guard !told.contains(receiver) else { continue }
                try await enqueue(target.incidentID, receiver: receiver, kind: .opened, type: type, at: tellAt)
            }
        }
    }

    /// Takes an incident out of messages that were not sent yet; a message left without incidents is suppressed.
    ///
    /// Bytes that are frozen already cannot change: they are suppressed if they carry nothing else, else they go out.
    mutating func drop(incident: Int64) async throws {
        let waiting = try await connection.query(
            """
            SELECT d.id, d.content IS NULL AS fresh,
                   NOT EXISTS (SELECT 1 FROM delivery_items o JOIN incidents x ON x.id = o.incident_id
                                WHERE o.delivery_id = d.id AND o.incident_id <> $1 AND NOT o.dropped
                                  AND x.closed_at IS NULL AND x.parent_id IS NULL) AS alone
              FROM deliveries d JOIN delivery_items i ON i.delivery_id = d.id
             WHERE i.incident_id = $1 AND NOT i.dropped AND d.state = 'pending'
               AND d.kind IN ('opened', 'reminder', 'escalated')
             ORDER BY d.id FOR UPDATE OF d
            """, [.int8(incident)])
        var fresh: [String] = []
        var over: [String] = []
        for row in waiting.rows {
            if try row.bool("fresh") { fresh.append(try row.text("id")) }
            if try row.bool("alone") { over.append(try row.text("id")) }
        }
        if !fresh.isEmpty {
            try await connection.query(
                "UPDATE delivery_items SET dropped = true WHERE incident_id = $1 AND delivery_id = ANY ($2)",
                [.int8(incident), .textArray(fresh)])
        }
        if !over.isEmpty {
            joinable = joinable.filter { !over.contains($0.value.id) }
            try await connection.query(
                """
                UPDATE deliveries SET state = 'suppressed', finished_at = now(), code = 'closed'
                 WHERE id = ANY ($1) AND state = 'pending'
                """, [.textArray(over)])
        }
    }

    /// After an incident closed: what was not sent is dropped, and whoever may know of it is told the end.
    mutating func resolve(_ target: DeliveryTarget) async throws {
        try await drop(incident: target.incidentID)
        let type = MessageType.closing(target.cause.kind)
        for receiver in try await receivers(of: target.incidentID).sorted(by: {
            ($0.destinationID, $0.recipient) < ($1.destinationID, $1.recipient)
        }) {
            try await enqueue(
                target.incidentID, receiver: receiver, kind: .recovered, type: type,
                at: now.addingTimeInterval(groupWait.seconds))
        }
    }

    /// Whether anybody has, may have or is about to have a message of this incident.
    func wasTold(incident: Int64) async throws -> Bool {
        try await !receivers(of: incident).isEmpty
    }

    /// Those that have, may have or are about to have it.
    private func receivers(of incident: Int64) async throws -> Set<Receiver> {
        let told = try await connection.query(
            """
            SELECT DISTINCT i.destination_id, i.recipient FROM delivery_items i JOIN deliveries d ON d.id = i.delivery_id
             WHERE i.incident_id = $1 AND NOT i.dropped AND d.kind IN ('opened', 'reminder', 'escalated')
               AND (d.state IN ('pending', 'sending', 'sent') OR d.maybe_arrived)
            """, [.int8(incident)])
        return Set(
            try told.rows.map {
                Receiver(destinationID: try $0.text("destination_id"), recipient: try $0.text("recipient"))
            })
    }

    /// Joins the group that waits, or begins one.
    private mutating func enqueue(
        _ incident: Int64, receiver: Receiver, kind: MessageKind, type: MessageType, at runAt: Date
    ) async throws {
        let group = Group(receiver: receiver, kind: kind, type: type)
        let delivery: String
        if let open = try await joined(group, at: runAt) {
            delivery = open
        } else {
            let row = try await connection.query(
                """
                INSERT INTO deliveries (destination_id, recipient, kind, type, run_at)
                VALUES ($1, $2, $3, $4, $5) RETURNING id
                """,
                [
                    .text(receiver.destinationID), .text(receiver.recipient), .text(kind.rawValue),
                    .text(type.rawValue),
                    .timestamptz(runAt),
                ]
            ).rows[0]
            delivery = try row.text("id")
            joinable[group] = (delivery, runAt)
        }
        try await connection.query(
            """
            INSERT INTO delivery_items (delivery_id, incident_id, destination_id, recipient, seq)
            SELECT $1, $2, $3, $4, coalesce(max(seq), 0) + 1 FROM delivery_items
             WHERE incident_id = $2 AND destination_id = $3 AND recipient = $4
            ON CONFLICT (delivery_id, incident_id) DO UPDATE SET dropped = false
            """, [.text(delivery), .int8(incident), .text(receiver.destinationID), .text(receiver.recipient)])
    }

    /// A delivery of the group that is not due yet and not much sooner than this incident may be told.
    private mutating func joined(_ group: Group, at runAt: Date) async throws -> String? {
        // Messages that wait long may be gathered generously.
        let tolerance = max(groupWait.seconds, runAt.timeIntervalSince(now) / 4)
        let earliest = max(runAt.addingTimeInterval(-tolerance), now)
        if let known = joinable[group], (earliest...max(runAt, earliest)).contains(known.runAt) { return known.id }
        let waiting = try await connection.query(
            """
            SELECT id, run_at FROM deliveries
             WHERE destination_id = $1 AND recipient = $2 AND kind = $3 AND type = $4 AND state = 'pending'
               AND attempts = 0 AND run_at BETWEEN $5 AND $6
             ORDER BY run_at, id LIMIT 1 FOR UPDATE
            """,
            [
                .text(group.receiver.destinationID), .text(group.receiver.recipient), .text(group.kind.rawValue),
                .text(group.type.rawValue), .timestamptz(earliest), .timestamptz(max(runAt, earliest)),
            ])
        guard let row = waiting.rows.first else { return nil }
        joinable[group] = (try row.text("id"), try row.date("run_at"))
        return try row.text("id")
    }
}
