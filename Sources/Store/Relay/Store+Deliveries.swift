package import Domain
import FoundationEssentials
import Postgres

/// Claiming deliveries (PROTOCOL §9).
extension Store {
    package func claimDeliveries(_ terms: ClaimTerms, lane: DeliveryLane) async throws -> DeliveryBatch {
        let sentAt = ContinuousClock.now
        let claimID = UUID()
        let (deliveries, leavesDue) = try await transaction { connection in
            var left = min(terms.limit, 500)
            var claimed: [ClaimedDelivery] = []
            let destinations = try await Self.servable(lane, on: connection)
            for destination in destinations {
                guard left > 0 else { break }
                let taken = try await claim(
                    claimID, from: destination, limit: left, limits: terms.limits, on: connection)
                left -= taken.count
                claimed += taken
            }
            return (
                try await Self.freeze(claimed.map { $0.rendered(by: terms.render) }, on: connection),
                // Others may hold the destinations that were passed over.
                try destinations.isEmpty ? await Self.isDue(lane, on: connection) : true
            )
        }
        return DeliveryBatch(deliveries: deliveries, sentAt: sentAt, leavesDue: leavesDue)
    }

    /// Destinations with something to look at, those served longest ago first; each belongs to this transaction alone.
    private static func servable(
        _ lane: DeliveryLane, on connection: PostgresConnection
    ) async throws -> [PostgresRow] {
        try await connection.query(
            """
            UPDATE destinations SET served_at = now() WHERE id IN (
                SELECT x.id FROM destinations x WHERE \(due)
                 ORDER BY x.served_at NULLS FIRST, x.id LIMIT 32 FOR NO KEY UPDATE SKIP LOCKED)
            RETURNING id, tenant_id, name, kind, revision, kid, sealed, failures
            """, [.bool(lane == .failing)]
        ).rows
    }

    private static func isDue(_ lane: DeliveryLane, on connection: PostgresConnection) async throws -> Bool {
        try await connection.query(
            "SELECT EXISTS (SELECT 1 FROM destinations x WHERE \(due)) AS due", [.bool(lane == .failing)]
        ).rows[0].bool("due")
    }

    /// That a destination `x` of the lane may be served and has something to look at.
    private static let due = """
        x.removed_at IS NULL AND (x.failures > 0) = $1 AND coalesce(x.parked_until, '-infinity') <= now()
        AND coalesce(x.paced_until, '-infinity') <= now()
        AND EXISTS (SELECT 1 FROM deliveries d WHERE d.destination_id = x.id
                       AND d.state IN ('pending', 'sending') AND d.run_at <= now())
        """

    /// Takes and locks what is due; ``freeze(_:on:)`` makes it ours.
    private func claim(
        _ claimID: UUID, from destination: PostgresRow, limit: Int, limits: DeliveryLimits,
        on connection: PostgresConnection
    ) async throws -> [ClaimedDelivery] {
        guard let kind = DestinationKind(rawValue: try destination.text("kind")) else { return [] }
        let id = try destination.text("id")
        let pace = limits.pace(kind)
        let rows = try await connection.query(
            Self.dueStatement,
            [
                .text(id),
                .int4(Int32(clamping: limits.perDestination(kind, Int(try destination.int4("failures"))))),
                .int4(Int32(clamping: pace == nil ? limit : min(1, limit))),
            ]
        ).rows
        guard !rows.isEmpty else { return [] }
        if let pace {
            try await connection.query(
                "UPDATE destinations SET paced_until = now() + make_interval(secs => $2) WHERE id = $1",
                [.text(id), .float8(pace.seconds)])
        }
        let pointless = try await dropPointless(rows, on: connection)
        let configuration = try DestinationRow.configuration(destination, ring: ring)
        let live = try rows.filter { !pointless.contains(try $0.text("id")) }
        let facts = try await DeliveryFacts.all(of: try live.map { try $0.text("id") }, on: connection)
        var claimed: [ClaimedDelivery] = []
        for row in live {
            let delivery = try row.text("id")
            let facts = facts[delivery] ?? DeliveryFacts()
            claimed.append(
                ClaimedDelivery(
                    claim: DeliveryClaim(deliveryID: delivery, claimID: claimID), destinationID: id,
                    destinationName: try destination.text("name"), kind: kind,
                    recipient: try row.text("recipient"), configuration: configuration,
                    messageKind: MessageKind(rawValue: try row.text("message_kind")) ?? .opened,
                    messageType: MessageType(rawValue: try row.text("type")) ?? .ping,
                    tries: Int(try row.int4("tries")) + 1, queuedAt: try row.date("created_at"),
                    content: try row.byteaOrNil("content"), incidents: facts.incidents, total: facts.total,
                    rootIncident: facts.rootIncident, lease: limits.lease(kind),
                    thread: kind == .slackBot ? try await Self.thread(of: delivery, on: connection) : nil))
        }
        return claimed
    }

    /// Stores claims and what they will send, before anything is sent: a later attempt under the same id says the same.
    ///
    /// A lease that ran out after the message was rendered may have sent it.
    private static func freeze(
        _ claimed: [ClaimedDelivery], on connection: PostgresConnection
    ) async throws -> [ClaimedDelivery] {
        guard !claimed.isEmpty else { return [] }
        try await connection.query(
            """
            UPDATE deliveries d
               SET maybe_arrived = d.maybe_arrived OR d.state = 'sending' AND d.content IS NOT NULL,
                   state = 'sending', claim_id = u.claim, content = coalesce(d.content, u.content),
                   attempts = d.attempts + 1, tries = u.tries,
                   lease_until = clock_timestamp() + make_interval(secs => u.lease / 1000000.0),
                   run_at = clock_timestamp() + make_interval(secs => u.lease / 1000000.0)
              FROM unnest($1::text[], $2::uuid[], $3::bytea[], $4::int4[], $5::int8[])
                AS u(id, claim, content, tries, lease) WHERE d.id = u.id
            """,
            [
                .textArray(claimed.map(\.claim.deliveryID)), .uuidArray(claimed.map(\.claim.claimID)),
                .byteaArray(claimed.map(\.content)), .int4Array(claimed.map { Int32(clamping: $0.tries) }),
                .int8Array(claimed.map { Int64($0.lease.seconds * 1_000_000) }),
            ])
        return claimed
    }

    /// The handle of the oldest incident that has one, and how many incidents under it are open.
    private static func thread(of delivery: String, on connection: PostgresConnection) async throws -> DeliveryThread? {
        try await connection.query(
            """
            SELECT t.handle, (SELECT count(*) FROM delivery_threads o JOIN incidents n ON n.id = o.incident_id
                               WHERE o.destination_id = t.destination_id AND o.recipient = t.recipient
                                 AND o.handle = t.handle AND n.closed_at IS NULL) AS open
              FROM delivery_items i JOIN delivery_threads t ON t.incident_id = i.incident_id
                   AND t.destination_id = i.destination_id AND t.recipient = i.recipient
             WHERE i.delivery_id = $1 AND NOT i.dropped ORDER BY i.incident_id LIMIT 1
            """, [.text(delivery)]
        ).rows.first.map {
            DeliveryThread(handle: try $0.text("handle"), openIncidents: Int(try $0.int8("open")))
        }
    }

    /// A message waits for the earlier messages of its incidents to this receiver.
    ///
    /// OFFSET 0 and the inner SELECT keep each question with its row: what the planner knows of a queue is always old, and
    /// by a join it would ask all that are due about all that wait. What is on its way is due at the end of its lease.
    private static let dueStatement = """
        SELECT d.id, d.recipient, d.kind AS message_kind, d.type, d.tries, d.created_at, d.content FROM deliveries d
         WHERE d.destination_id = $1 AND d.state IN ('pending', 'sending') AND d.run_at <= now()
           AND NOT EXISTS (
             SELECT 1 FROM (
               SELECT e.delivery_id FROM delivery_items i
                 JOIN delivery_items e ON e.incident_id = i.incident_id AND e.destination_id = i.destination_id
                      AND e.recipient = i.recipient AND e.seq < i.seq AND NOT e.dropped
                WHERE i.delivery_id = d.id AND NOT i.dropped OFFSET 0) earlier
              WHERE (SELECT ed.state FROM deliveries ed WHERE ed.id = earlier.delivery_id) IN ('pending', 'sending')
              OFFSET 0)
         ORDER BY d.run_at
         LIMIT greatest(0, least($3, $2 - (SELECT count(*) FROM deliveries b
                 WHERE b.destination_id = $1 AND b.state = 'sending' AND b.run_at > now())))
           FOR UPDATE OF d SKIP LOCKED
        """

    /// `recovered` goes only where `opened` is or may be; a message left without incidents is suppressed.
    private func dropPointless(_ rows: [PostgresRow], on connection: PostgresConnection) async throws -> Set<String> {
        let fresh = try rows.filter {
            try $0.text("message_kind") == MessageKind.recovered.rawValue && (try $0.isNull("content"))
        }.map { try $0.text("id") }
        guard !fresh.isEmpty else { return [] }
        try await connection.query(
            """
            UPDATE delivery_items i SET dropped = true
             WHERE i.delivery_id = ANY ($1) AND NOT i.dropped AND NOT EXISTS (
                SELECT 1 FROM delivery_items o JOIN deliveries d ON d.id = o.delivery_id
                 WHERE o.incident_id = i.incident_id AND o.destination_id = i.destination_id
                   AND o.recipient = i.recipient AND o.seq < i.seq AND NOT o.dropped
                   AND d.kind IN ('opened', 'reminder', 'escalated') AND (d.state = 'sent' OR d.maybe_arrived))
            """, [.textArray(fresh)])
        let suppressed = try await connection.query(
            """
            UPDATE deliveries d SET state = 'suppressed', finished_at = now(), code = 'not_opened', claim_id = NULL
             WHERE d.id = ANY ($1)
               AND NOT EXISTS (SELECT 1 FROM delivery_items i WHERE i.delivery_id = d.id AND NOT i.dropped)
            RETURNING d.id
            """, [.textArray(fresh)])
        return Set(try suppressed.rows.map { try $0.text("id") })
    }

    package func relayTotals() async throws -> RelayTotals {
        let (row, open) = try await pool.withConnection { connection in
            let row = try await connection.query(
                """
                SELECT (SELECT count(*) FROM (SELECT 1 FROM event WHERE expanded_at IS NULL LIMIT 10000) e) AS events,
                       (SELECT count(*) FROM deliveries WHERE state IN ('pending', 'sending')) AS pending,
                       (SELECT count(*) FROM deliveries WHERE state = 'dead') AS dead,
                       (SELECT min(created_at) FROM deliveries WHERE state IN ('pending', 'sending')) AS oldest
                """
            ).rows[0]
            let open = try await connection.query(
                "SELECT severity, count(*) AS total FROM incidents WHERE closed_at IS NULL GROUP BY severity")
            return (row, open)
        }
        var totals = RelayTotals(
            pendingEvents: Int(try row.int8("events")), pending: Int(try row.int8("pending")),
            dead: Int(try row.int8("dead")), oldestPendingAt: try row.dateOrNil("oldest"),
            openIncidents: Dictionary(uniqueKeysWithValues: Severity.allCases.map { ($0, 0) }))
        for incident in open.rows {
            guard let severity = Severity(rawValue: try incident.text("severity")) else { continue }
            totals.openIncidents[severity] = Int(try incident.int8("total"))
        }
        return totals
    }
}
