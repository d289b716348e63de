package import Domain
import FoundationEssentials
import Postgres

/// Claiming, freezing and finishing deliveries (PROTOCOL §9).
extension Store {
    package func claimDeliveries(limit: Int, limits: DeliveryLimits) async throws -> DeliveryBatch {
        let sentAt = ContinuousClock.now
        let deliveries = try await transaction { connection in
            var left = min(limit, 500)
            var claimed: [ClaimedDelivery] = []
            for destination in try await Self.servable(on: connection) {
                guard left > 0 else { break }
                let taken = try await claim(from: destination, limit: left, limits: limits, on: connection)
                left -= taken.count
                claimed += taken
            }
            return claimed
        }
        return DeliveryBatch(deliveries: deliveries, sentAt: sentAt)
    }

    /// Destinations with something to look at, those served longest ago first; each belongs to this transaction alone.
    private static func servable(on connection: PostgresConnection) async throws -> [PostgresRow] {
        try await connection.query(
            """
            UPDATE destinations SET served_at = now() WHERE id IN (
                SELECT x.id FROM destinations x
                 WHERE x.removed_at IS NULL AND coalesce(x.parked_until, '-infinity') <= now()
                   AND coalesce(x.paced_until, '-infinity') <= now()
                   AND EXISTS (SELECT 1 FROM deliveries d WHERE d.destination_id = x.id
                                  AND d.state IN ('pending', 'sending') AND d.run_at <= now())
                 ORDER BY x.served_at NULLS FIRST, x.id LIMIT 32 FOR NO KEY UPDATE SKIP LOCKED)
            RETURNING id, tenant_id, name, kind, revision, kid, sealed
            """
        ).rows
    }

    private func claim(
        from destination: PostgresRow, limit: Int, limits: DeliveryLimits, on connection: PostgresConnection
    ) async throws -> [ClaimedDelivery] {
        guard let kind = DestinationKind(rawValue: try destination.text("kind")) else { return [] }
        let id = try destination.text("id")
        let lease = limits.lease(kind)
        let pace = limits.pace(kind)
        let rows = try await connection.query(
            Self.claimStatement,
            [
                .text(id), .int4(Int32(clamping: limits.perDestination(kind))),
                .int4(Int32(clamping: pace == nil ? limit : min(1, limit))), .float8(lease.seconds),
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
        var claimed: [ClaimedDelivery] = []
        for row in rows where !pointless.contains(try row.text("id")) {
            let content = try row.byteaOrNil("content")
            let facts = try await DeliveryFacts(delivery: try row.text("id"), rendered: content != nil, on: connection)
            claimed.append(
                ClaimedDelivery(
                    claim: DeliveryClaim(deliveryID: try row.text("id"), claimID: try row.uuid("claim_id")),
                    destinationID: id, destinationName: try destination.text("name"), kind: kind,
                    recipient: try row.text("recipient"), configuration: configuration,
                    messageKind: MessageKind(rawValue: try row.text("message_kind")) ?? .opened,
                    messageType: MessageType(rawValue: try row.text("type")) ?? .ping,
                    tries: Int(try row.int4("tries")), queuedAt: try row.date("created_at"), content: content,
                    incidents: facts.incidents, total: facts.total, rootIncident: facts.rootIncident, lease: lease))
        }
        return claimed
    }

    /// A message waits for the earlier messages of its incidents to this receiver.
    ///
    /// A lease that ran out after the message was rendered may have sent it.
    private static let claimStatement = """
        WITH due AS MATERIALIZED (
          SELECT d.id FROM deliveries d
           WHERE d.destination_id = $1 AND d.state IN ('pending', 'sending') AND d.run_at <= now()
             AND NOT EXISTS (
               SELECT 1 FROM delivery_items i
                 JOIN delivery_items e ON e.incident_id = i.incident_id AND e.destination_id = i.destination_id
                      AND e.recipient = i.recipient AND e.seq < i.seq AND NOT e.dropped
                 JOIN deliveries ed ON ed.id = e.delivery_id AND ed.state IN ('pending', 'sending')
                WHERE i.delivery_id = d.id AND NOT i.dropped)
           ORDER BY d.run_at, d.id
           LIMIT greatest(0, least($3, $2 - (SELECT count(*) FROM deliveries b
                   WHERE b.destination_id = $1 AND b.state = 'sending' AND b.lease_until >= now())))
             FOR UPDATE OF d SKIP LOCKED)
        UPDATE deliveries d
           SET state = 'sending', claim_id = gen_random_uuid(), attempts = d.attempts + 1, tries = d.tries + 1,
               lease_until = clock_timestamp() + make_interval(secs => $4),
               run_at = clock_timestamp() + make_interval(secs => $4),
               maybe_arrived = d.maybe_arrived OR d.state = 'sending' AND d.content IS NOT NULL
          FROM due WHERE d.id = due.id
        RETURNING d.id, d.claim_id, d.recipient, d.kind AS message_kind, d.type, d.tries, d.created_at, d.content
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

    package func freeze(_ claim: DeliveryClaim, content: [UInt8]) async throws -> Bool {
        try await transaction { connection in
            try await connection.query(
                """
                UPDATE deliveries SET content = $3 WHERE id = $1 AND claim_id = $2 AND state = 'sending'
                """, [.text(claim.deliveryID), .uuid(claim.claimID), .bytea(content)]
            ).affected > 0
        }
    }

    package func finish(_ claim: DeliveryClaim, _ report: DeliveryReport) async throws -> Bool {
        let (state, delay): (DeliveryState, Duration?) =
            switch report.end {
            case .sent: (.sent, nil)
            case .retry(let after): (.pending, after)
            case .dead: (.dead, nil)
            }
        return try await transaction { connection in
            let ended = try await connection.query(
                """
                UPDATE deliveries
                   SET state = $3, claim_id = NULL, lease_until = NULL, code = $4, error = $5,
                       maybe_arrived = maybe_arrived OR $6,
                       run_at = CASE WHEN $7::float8 IS NULL THEN run_at ELSE now() + make_interval(secs => $7) END,
                       finished_at = CASE WHEN $7::float8 IS NULL THEN now() END
                 WHERE id = $1 AND claim_id = $2 AND state = 'sending'
                RETURNING destination_id, attempts
                """,
                [
                    .text(claim.deliveryID), .uuid(claim.claimID), .text(state.rawValue), .text(report.code),
                    report.end == .sent ? .null : .text(report.sentence), .bool(report.maybeArrived),
                    delay.map { .float8($0.seconds) } ?? .null,
                ])
            guard let row = ended.rows.first else { return false }
            try await connection.query(
                """
                INSERT INTO delivery_attempts (delivery_id, n, outcome, code, message, ms, excerpt)
                VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
                """,
                [
                    .text(claim.deliveryID), .int4(try row.int4("attempts")),
                    .text(state == .pending ? "retried" : state.rawValue), .text(report.code), .text(report.sentence),
                    .int4(Int32(clamping: Int(report.duration.seconds * 1000))),
                    report.excerpt.map { .text($0) } ?? .null,
                ])
            try await note(report, of: try row.text("destination_id"), on: connection)
            return true
        }
    }

    private func note(_ report: DeliveryReport, of destination: String, on connection: PostgresConnection) async throws
    {
        if report.end == .sent {
            try await connection.query(
                "UPDATE destinations SET fault = NULL WHERE id = $1 AND fault IS NOT NULL", [.text(destination)])
        } else if report.degrades || report.park != nil {
            try await connection.query(
                """
                UPDATE destinations
                   SET fault = coalesce($2, fault),
                       parked_until = CASE WHEN $3::float8 IS NULL THEN parked_until
                           ELSE greatest(parked_until, now() + make_interval(secs => $3)) END
                 WHERE id = $1
                """,
                [
                    .text(destination), report.degrades ? .text(report.sentence) : .null,
                    report.park.map { .float8($0.seconds) } ?? .null,
                ])
        }
    }

    package func release(_ claim: DeliveryClaim) async throws {
        _ = try await transaction { connection in
            try await connection.query(
                """
                UPDATE deliveries SET state = 'pending', claim_id = NULL, lease_until = NULL, run_at = now(),
                       attempts = attempts - CASE WHEN content IS NULL THEN 1 ELSE 0 END, tries = tries - 1
                 WHERE id = $1 AND claim_id = $2 AND state = 'sending'
                """, [.text(claim.deliveryID), .uuid(claim.claimID)])
        }
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

/// What a delivery carries.
private struct DeliveryFacts {
    var incidents: [IncidentFacts] = []
    var total = 0
    var rootIncident: Int64 = 0

    /// - Parameter rendered: only the thread is needed then.
    init(delivery: String, rendered: Bool, on connection: PostgresConnection) async throws {
        let counts = try await connection.query(
            """
            SELECT count(DISTINCT n.cause_id) AS total, coalesce(min(n.id), 0) AS root
              FROM delivery_items i JOIN incidents n ON n.id = i.incident_id
             WHERE i.delivery_id = $1 AND NOT i.dropped
            """, [.text(delivery)]
        ).rows[0]
        total = Int(try counts.int8("total"))
        rootIncident = try counts.int8("root")
        guard !rendered else { return }
        let rows = try await connection.query(
            """
            SELECT n.id, n.cause_kind, n.cause_id, n.reason, n.severity, n.provider, n.tenant_id, n.message, n.opened_at,
                   n.deadline_at, c.user_id, c.display_name,
                   CASE WHEN n.cause_kind = 'app' THEN (SELECT count(*) FROM schedule s
                        WHERE s.app_id = n.cause_id AND s.status IN (1, 2)) ELSE 1 END AS channels
              FROM delivery_items i JOIN incidents n ON n.id = i.incident_id
              LEFT JOIN channels c ON n.cause_kind = 'channel' AND c.id = n.cause_id
             WHERE i.delivery_id = $1 AND NOT i.dropped
             ORDER BY n.deadline_at NULLS LAST, n.id DESC LIMIT \(ClaimedDelivery.incidentsMax)
            """, [.text(delivery)])
        incidents = try rows.rows.map { row in
            let target = try DeliveryTarget(row)
            return IncidentFacts(
                id: target.incidentID, cause: target.cause, severity: target.severity, provider: target.provider,
                tenantID: target.tenantID, message: try row.textOrNil("message"), openedAt: try row.date("opened_at"),
                deadline: try row.dateOrNil("deadline_at"), userID: try row.textOrNil("user_id"),
                displayName: try row.textOrNil("display_name"), channels: Int(try row.int8("channels")))
        }
    }
}
