import Postgres

/// An incident that a message carries.
struct DeliveryItem {
    var delivery: String
    var order: DeliveryOrder

    /// What is told in order.
    fileprivate struct Story: Hashable {
        var incident: Int64
        var receiver: Receiver
    }

    fileprivate var story: Story { Story(incident: order.incidentID, receiver: order.receiver) }
}

/// What messages carry, numbered in the order in which a receiver is told of an incident.
extension DeliveryDesk {
    func insert(_ items: [DeliveryItem]) async throws {
        var begun: Set<DeliveryItem.Story> = []
        var first: [DeliveryItem] = []
        var rest: [DeliveryItem] = []
        for item in items {
            // Nobody was told of an incident that only this transaction knows.
            let isFirst = begun.insert(item.story).inserted && item.order.facts != nil
            if isFirst { first.append(item) } else { rest.append(item) }
        }
        try await insert(first: first)
        // Several of one story get their numbers one statement after another.
        while !rest.isEmpty {
            var seen: Set<DeliveryItem.Story> = []
            let next = rest.filter { seen.insert($0.story).inserted }
            seen = []
            rest = rest.filter { !seen.insert($0.story).inserted }
            try await insert(next: next)
        }
    }

    private func insert(first items: [DeliveryItem]) async throws {
        guard !items.isEmpty else { return }
        try await connection.query(
            """
            INSERT INTO delivery_items (delivery_id, incident_id, destination_id, recipient, seq)
            SELECT u.*, 1 FROM unnest($1::text[], $2::int8[], $3::text[], $4::text[]) AS u
            """, Self.columns(items))
    }

    private func insert(next items: [DeliveryItem]) async throws {
        try await connection.query(
            """
            INSERT INTO delivery_items (delivery_id, incident_id, destination_id, recipient, seq)
            SELECT u.delivery_id, u.incident_id, u.destination_id, u.recipient, 1 + coalesce((
                     SELECT max(e.seq) FROM delivery_items e WHERE e.incident_id = u.incident_id
                        AND e.destination_id = u.destination_id AND e.recipient = u.recipient), 0)
              FROM unnest($1::text[], $2::int8[], $3::text[], $4::text[])
                AS u(delivery_id, incident_id, destination_id, recipient)
            ON CONFLICT (delivery_id, incident_id) DO UPDATE SET dropped = false
            """, Self.columns(items))
    }

    private static func columns(_ items: [DeliveryItem]) -> [PostgresValue] {
        [
            .textArray(items.map(\.delivery)), .int8Array(items.map(\.order.incidentID)),
            .textArray(items.map(\.order.receiver.destinationID)), .textArray(items.map(\.order.receiver.recipient)),
        ]
    }
}
