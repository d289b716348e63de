package import Domain
import FoundationEssentials
import Postgres

/// How claims of deliveries end, many at a time (PROTOCOL §9).
extension Store {
    private static func claim(_ row: PostgresRow) throws -> DeliveryClaim {
        DeliveryClaim(deliveryID: try row.text("id"), claimID: try row.uuid("claim_id"))
    }

    package func finish(_ ends: [DeliveryEnd]) async throws -> Set<DeliveryClaim> {
        guard ends.contains(where: { $0.report.end != .sent || $0.report.handle != nil }) else {
            return try await finish(sent: ends)
        }
        return try await transaction { connection in
            let rows = try await connection.query(
                "\(Self.finishing) SELECT id, claim_id, destination_id FROM e", Self.parameters(ends)
            ).rows
            var destinations: [DeliveryClaim: String] = [:]
            for row in rows { destinations[try Self.claim(row)] = try row.text("destination_id") }
            let finished = ends.filter { destinations[$0.claim] != nil }
            for end in finished {
                guard let handle = end.report.handle else { continue }
                try await keep(handle, of: end.claim.deliveryID, on: connection)
            }
            // In one order everywhere: two replicas end messages to the same destinations.
            for (destination, ends) in Dictionary(grouping: finished, by: { destinations[$0.claim] ?? "" }).sorted(by: {
                $0.key < $1.key
            }) {
                try await note(ends.map(\.report), of: destination, on: connection)
            }
            return Set(destinations.keys)
        }
    }

    /// What nearly all deliveries are: one statement, which is a transaction of its own.
    private func finish(sent ends: [DeliveryEnd]) async throws -> Set<DeliveryClaim> {
        let rows = try await statement(
            Self.finishingSent,
            [
                .textArray(ends.map(\.claim.deliveryID)), .uuidArray(ends.map(\.claim.claimID)),
                .textArray(ends.map(\.report.code)), .textArray(ends.map(\.report.sentence)),
                .int4Array(ends.map(\.report.milliseconds)), .textArray(ends.map(\.report.excerpt)),
            ]
        ).rows
        return Set(try rows.map(Self.claim))
    }

    private static let finishingSent = """
        WITH e AS (
          UPDATE deliveries d
             SET state = 'sent', claim_id = NULL, lease_until = NULL, code = u.code, error = NULL, content = NULL,
                 sent_ms = u.ms, sent_message = u.sentence, sent_excerpt = u.excerpt, maybe_arrived = true,
                 finished_at = now()
            FROM (SELECT unnest($1::text[]) AS id, unnest($2::uuid[]) AS claim_id, unnest($3::text[]) AS code,
                         unnest($4::text[]) AS sentence, unnest($5::int4[]) AS ms, unnest($6::text[]) AS excerpt) u
           WHERE d.id = u.id AND d.claim_id = u.claim_id RETURNING d.id, u.claim_id, d.destination_id),
        \(success(of: "SELECT destination_id FROM e"))
        SELECT id, claim_id FROM e
        """

    private static func parameters(_ ends: [DeliveryEnd]) -> [PostgresValue] {
        let states = ends.map { end -> (state: DeliveryState, delay: Duration?) in
            switch end.report.end {
            case .sent: (.sent, nil)
            case .retry(let after): (.pending, after)
            case .dead: (.dead, nil)
            }
        }
        return [
            .textArray(ends.map(\.claim.deliveryID)), .uuidArray(ends.map(\.claim.claimID)),
            .textArray(states.map(\.state.rawValue)), .textArray(ends.map(\.report.code)),
            .textArray(ends.map(\.report.sentence)), .boolArray(ends.map(\.report.maybeArrived)),
            .int8Array(states.map { $0.delay.map { Int64($0.seconds * 1_000_000) } }),
            .int4Array(ends.map(\.report.milliseconds)),
            .textArray(ends.map(\.report.excerpt)),
        ]
    }

    /// The rows of `e` are the claims that were still theirs.
    ///
    /// Only what is being sent has a claim. Asked for the state too, PostgreSQL would read all that is on its way, each time.
    private static let finishing = """
        WITH u AS (
          SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::bool[], $7::int8[],
                               $8::int4[], $9::text[])
            AS u(id, claim_id, state, code, sentence, arrived, delay, ms, excerpt)),
        e AS (
          UPDATE deliveries d
             SET state = u.state, claim_id = NULL, lease_until = NULL, code = u.code,
                 error = CASE WHEN u.state = 'sent' THEN NULL ELSE u.sentence END,
                 content = CASE WHEN u.state <> 'sent' THEN d.content END,
                 sent_ms = CASE WHEN u.state = 'sent' THEN u.ms END,
                 sent_message = CASE WHEN u.state = 'sent' THEN u.sentence END,
                 sent_excerpt = CASE WHEN u.state = 'sent' THEN u.excerpt END,
                 maybe_arrived = d.maybe_arrived OR u.arrived,
                 run_at = CASE WHEN u.delay IS NULL THEN d.run_at
                               ELSE now() + make_interval(secs => u.delay / 1000000.0) END,
                 finished_at = CASE WHEN u.delay IS NULL THEN now() END
            FROM u WHERE d.id = u.id AND d.claim_id = u.claim_id
          RETURNING d.id, u.claim_id, d.destination_id, d.attempts),
        a AS (
          INSERT INTO delivery_attempts (delivery_id, n, outcome, code, message, ms, excerpt)
          SELECT e.id, e.attempts, CASE WHEN u.state = 'pending' THEN 'retried' ELSE u.state END, u.code, u.sentence,
                 u.ms, u.excerpt
            FROM e JOIN u ON u.id = e.id WHERE u.state <> 'sent' ON CONFLICT DO NOTHING)
        """

    /// Later messages of these incidents to this receiver follow this one.
    private func keep(_ handle: String, of delivery: String, on connection: PostgresConnection) async throws {
        try await connection.query(
            """
            INSERT INTO delivery_threads (incident_id, destination_id, recipient, handle)
            SELECT incident_id, destination_id, recipient, $2 FROM delivery_items
             WHERE delivery_id = $1 AND NOT dropped
            ON CONFLICT (incident_id, destination_id, recipient) DO UPDATE SET handle = excluded.handle
            """, [.text(delivery), .text(String(handle.prefix(400)))])
    }

    package func release(_ claim: DeliveryClaim) async throws {
        _ = try await transaction { connection in
            try await connection.query(
                """
                UPDATE deliveries SET state = 'pending', claim_id = NULL, lease_until = NULL, run_at = now(),
                       attempts = attempts - 1, tries = tries - 1
                 WHERE id = $1 AND claim_id = $2 AND state = 'sending'
                """, [.text(claim.deliveryID), .uuid(claim.claimID)])
        }
    }
}

extension DeliveryReport {
    /// What the attempt took.
    fileprivate var milliseconds: Int32 { Int32(clamping: Int(duration.seconds * 1000)) }
}
