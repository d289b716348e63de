import Domain
import FoundationEssentials
import Postgres

/// One incident to be told to one receiver.
struct DeliveryOrder {
    var incidentID: Int64
    var receiver: Receiver
    var kind: MessageKind
    var type: MessageType
    var at: Date
    /// Of an incident that is new.
    var facts: IncidentFacts?
}

/// Writes deliveries and what they carry: orders of one receiver, kind and type share a message while it waits.
struct DeliveryDesk {
    private struct Group: Hashable {
        var receiver: Receiver
        var kind: MessageKind
        var type: MessageType
    }

    private struct Message {
        var id: String
        var runAt: Date
    }

    private struct NewMessage {
        var message: Message
        var group: Group
        var claim: ClaimedDelivery?
    }

    let connection: PostgresConnection
    /// Zero: nothing is gathered, every incident is a message of its own.
    let groupWait: Duration
    let now: Date
    /// Deliveries of this transaction that others may join, locked by it.
    private var joinable: [Group: [Message]] = [:]
    private var early: EarlyClaims?
    private var lastID = UInt64.random(in: 0...UInt64.max)
    /// A message was made that waits for its claim.
    private(set) var leavesMessages = false

    init(connection: PostgresConnection, groupWait: Duration, early: EarlyClaims? = nil, now: Date) {
        self.connection = connection
        self.groupWait = groupWait
        self.early = early
        self.now = now
    }

    var claimed: [ClaimedDelivery] { early?.claimed ?? [] }

    mutating func enqueue(_ orders: [DeliveryOrder]) async throws {
        guard !orders.isEmpty else { return }
        try await early?.look(
            at: Set(orders.filter { $0.facts != nil }.map(\.receiver.destinationID)), on: connection)
        var messages: [NewMessage] = []
        var items: [DeliveryItem] = []
        for order in orders {
            let group = Group(receiver: order.receiver, kind: order.kind, type: order.type)
            if let open = try await joined(group, at: order.at) {
                items.append(DeliveryItem(delivery: open, order: order))
                continue
            }
            let message = Message(id: generatedID(), runAt: order.at)
            if groupWait > .zero { joinable[group, default: []].append(message) }
            messages.append(NewMessage(message: message, group: group, claim: claim(message, for: order)))
            items.append(DeliveryItem(delivery: message.id, order: order))
        }
        leavesMessages = leavesMessages || messages.contains { $0.claim == nil }
        let claims = messages.compactMap(\.claim)
        // On another thread than the statement waits on.
        async let rendered = early?.rendered(claims) ?? []
        try await insert(items)
        early?.keep(await rendered)
        try await insert(messages, await rendered.reduce(into: [:]) { $0[$1.claim.deliveryID] = $1.content })
    }

    private mutating func claim(_ message: Message, for order: DeliveryOrder) -> ClaimedDelivery? {
        guard let facts = order.facts, message.runAt <= now else { return nil }
        return early?.claim(message.id, for: order, facts, now: now)
    }

    private func insert(_ messages: [NewMessage], _ contents: [String: [UInt8]]) async throws {
        guard !messages.isEmpty else { return }
        try await connection.query(
            """
            INSERT INTO deliveries (id, destination_id, recipient, kind, type, run_at, state, claim_id, content, attempts,
                                    tries, lease_until)
            SELECT i, d, r, k, t, coalesce(e, a), CASE WHEN c IS NULL THEN 'pending' ELSE 'sending' END, c, b,
                   (c IS NOT NULL)::int, (c IS NOT NULL)::int, e
              FROM (SELECT unnest($1::text[]) AS i, unnest($2::text[]) AS d, unnest($3::text[]) AS r,
                           unnest($4::text[]) AS k, unnest($5::text[]) AS t, unnest($6::timestamptz[]) AS a,
                           unnest($7::uuid[]) AS c, unnest($8::bytea[]) AS b,
                           clock_timestamp() + make_interval(secs => unnest($9::int8[]) / 1000000.0) AS e) u
            """,
            [
                .textArray(messages.map(\.message.id)), .textArray(messages.map(\.group.receiver.destinationID)),
                .textArray(messages.map(\.group.receiver.recipient)), .textArray(messages.map(\.group.kind.rawValue)),
                .textArray(messages.map(\.group.type.rawValue)), .timestamptzArray(messages.map(\.message.runAt)),
                .uuidArray(messages.map { $0.claim?.claim.claimID }),
                .byteaArray(messages.map { contents[$0.message.id] }),
                .int8Array(messages.map { $0.claim.map { Int64($0.lease.seconds * 1_000_000) } }),
            ])
    }

    /// A delivery of the group that is not due yet and not much sooner than this incident may be told.
    private mutating func joined(_ group: Group, at runAt: Date) async throws -> String? {
        guard groupWait > .zero else { return nil }
        // Messages that wait long may be gathered generously.
        let tolerance = max(groupWait.seconds, runAt.timeIntervalSince(now) / 4)
        let earliest = max(runAt.addingTimeInterval(-tolerance), now)
        let window = earliest...max(runAt, earliest)
        if joinable[group] == nil { joinable[group] = try await waiting(group) }
        return joinable[group]?.first { window.contains($0.runAt) }?.id
    }

    private func waiting(_ group: Group) async throws -> [Message] {
        try await connection.query(
            """
            SELECT id, run_at FROM deliveries
             WHERE destination_id = $1 AND recipient = $2 AND kind = $3 AND type = $4 AND state = 'pending'
               AND attempts = 0 AND content IS NULL AND run_at >= $5
             ORDER BY run_at, id LIMIT 100 FOR UPDATE SKIP LOCKED
            """,
            [
                .text(group.receiver.destinationID), .text(group.receiver.recipient), .text(group.kind.rawValue),
                .text(group.type.rawValue), .timestamptz(now),
            ]
        ).rows.map { Message(id: try $0.text("id"), runAt: try $0.date("run_at")) }
    }

    /// Takes incidents out of messages that were not sent yet; a message left without any is suppressed.
    ///
    /// Bytes that are frozen already cannot change: they are suppressed if they carry nothing else, else they go out.
    mutating func drop(_ incidents: [Int64], kinds: [MessageKind]) async throws {
        guard !incidents.isEmpty else { return }
        let waiting = try await connection.query(
            """
            SELECT d.id, d.content IS NULL AS fresh,
                   NOT EXISTS (SELECT 1 FROM delivery_items o JOIN incidents x ON x.id = o.incident_id
                                WHERE o.delivery_id = d.id AND NOT o.dropped AND o.incident_id <> ALL ($1)
                                  AND (d.kind = 'recovered' OR x.closed_at IS NULL AND x.parent_id IS NULL)) AS alone
              FROM deliveries d
             WHERE d.state = 'pending' AND d.kind = ANY ($2) AND d.id IN (
                   SELECT i.delivery_id FROM delivery_items i WHERE i.incident_id = ANY ($1) AND NOT i.dropped)
             ORDER BY d.id FOR UPDATE OF d
            """, [.int8Array(incidents), .textArray(kinds.map(\.rawValue))])
        var fresh: [String] = []
        var over: Set<String> = []
        for row in waiting.rows {
            if try row.bool("fresh") { fresh.append(try row.text("id")) }
            if try row.bool("alone") { over.insert(try row.text("id")) }
        }
        if !fresh.isEmpty {
            try await connection.query(
                "UPDATE delivery_items SET dropped = true WHERE incident_id = ANY ($1) AND delivery_id = ANY ($2)",
                [.int8Array(incidents), .textArray(fresh)])
        }
        guard !over.isEmpty else { return }
        joinable = joinable.mapValues { $0.filter { !over.contains($0.id) } }
        try await connection.query(
            """
            UPDATE deliveries SET state = 'suppressed', finished_at = now(), code = 'closed'
             WHERE id = ANY ($1) AND state = 'pending'
            """, [.textArray(Array(over))])
    }

    /// Ids in the order of their time (UUIDv7 with a fraction of the millisecond, RFC 9562 §6.2).
    ///
    /// Lists need no other order, and indexes grow at their end alone. Those of one transaction count up from a random
    /// number.
    private mutating func generatedID() -> String {
        let milliseconds = max(0, now.timeIntervalSince1970 * 1000)
        let time = UInt64(milliseconds)
        let fraction = UInt64((milliseconds - Double(time)) * 0x1000)
        let high = time << 16 | 0x7000 | min(fraction, 0x0FFF)
        lastID &+= 1
        let low = lastID & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        return "msg_" + Self.hex(high) + Self.hex(low)
    }

    private static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
