import Domain
import FoundationEssentials
import Postgres
import Sealing

/// Claims messages as they are made: what is due at once needs no second transaction and no second version of its row.
///
/// Of webhooks alone that took their last message, and never more than three quarters of what such a webhook may have on
/// its way: the rest is for what waits already. Nothing is locked for it, so that a claim made meanwhile may take a
/// destination somewhat above its number; how many requests are under way at once is the process's own affair.
struct EarlyClaims {
    private let terms: ClaimTerms
    private let ring: KeyRing
    private let claimID = UUID()
    private let lease: Duration
    private var known: [String: Destination?] = [:]
    private(set) var claimed: [ClaimedDelivery] = []
    private var count = 0

    private struct Destination {
        var name: String
        var configuration: Result<DestinationConfiguration, SealedCredentialFault>
        var room: Int
    }

    /// Nil when nothing is due at once.
    init?(_ terms: ClaimTerms?, rules: RelayRules, ring: KeyRing) {
        guard let terms, terms.limit > 0, rules.groupWait == .zero else { return nil }
        self.terms = terms
        self.ring = ring
        lease = terms.limits.lease(.webhook)
    }

    /// Looks up which of the destinations have room.
    mutating func look(at destinations: Set<String>, on connection: PostgresConnection) async throws {
        let new = destinations.filter { known[$0] == nil }
        guard !new.isEmpty else { return }
        for destination in new { known[destination] = .some(nil) }
        let rows = try await connection.query(
            """
            SELECT x.id, x.tenant_id, x.name, x.revision, x.kid, x.sealed,
                   (SELECT count(*) FROM deliveries d
                     WHERE d.destination_id = x.id AND d.state = 'sending' AND d.run_at > now()) AS sending
              FROM destinations x
             WHERE x.id = ANY ($1) AND x.removed_at IS NULL AND x.kind = 'webhook' AND x.failures = 0
               AND coalesce(x.parked_until, '-infinity') <= now() AND coalesce(x.paced_until, '-infinity') <= now()
            """, [.textArray(new.sorted())])
        for row in rows.rows {
            known[try row.text("id")] = Destination(
                name: try row.text("name"), configuration: try DestinationRow.configuration(row, ring: ring),
                room: terms.limits.perDestination(.webhook, 0) * 3 / 4 - Int(try row.int8("sending")))
        }
    }

    /// Claims a message to a destination that was looked at; ``rendered(_:)`` completes it.
    ///
    /// - Parameter incident: all that the message carries.
    /// - Returns: nil when the message has to wait for its turn.
    mutating func claim(_ delivery: String, for order: DeliveryOrder, _ incident: IncidentFacts, now: Date)
        -> ClaimedDelivery?
    {
        guard count < terms.limit, let destination = known[order.receiver.destinationID] ?? nil,
            destination.room > 0
        else { return nil }
        known[order.receiver.destinationID]??.room -= 1
        count += 1
        return ClaimedDelivery(
            claim: DeliveryClaim(deliveryID: delivery, claimID: claimID), destinationID: order.receiver.destinationID,
            destinationName: destination.name, kind: .webhook, recipient: order.receiver.recipient,
            configuration: destination.configuration, messageKind: order.kind, messageType: order.type, tries: 1,
            queuedAt: now, content: nil, incidents: [incident], total: 1, rootIncident: incident.id, lease: lease)
    }

    func rendered(_ claims: [ClaimedDelivery]) async -> [ClaimedDelivery] {
        claims.map { $0.rendered(by: terms.render) }
    }

    /// - Parameter claims: rendered.
    mutating func keep(_ claims: [ClaimedDelivery]) { claimed += claims }
}
