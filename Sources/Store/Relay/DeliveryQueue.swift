import Domain
import FoundationEssentials
import Postgres

/// Queues, drops and resolves deliveries inside one transaction of the relay, many incidents at a time.
struct DeliveryQueue {
    private let connection: PostgresConnection
    private let rules: RelayRules
    private let now: Date
    private let destinations: [DestinationSummary]
    private let quiet: QuietRules
    private var desk: DeliveryDesk

    init(
        connection: PostgresConnection, rules: RelayRules, early: EarlyClaims? = nil, now: Date
    ) async throws {
        self.connection = connection
        self.rules = rules
        self.now = now
        let live = try await connection.query(
            """
            SELECT \(DestinationRow.columns), \(QuietRules.presence) FROM destinations WHERE removed_at IS NULL ORDER BY id
            """
        ).rows
        destinations = try live.compactMap(DestinationRow.summary)
        quiet = try await QuietRules(among: live.first, now: now, on: connection)
        desk = DeliveryDesk(connection: connection, groupWait: rules.groupWait, early: early, now: now)
    }

    /// Messages that were claimed as they were made.
    var claimed: [ClaimedDelivery] { desk.claimed }
    /// Others were made that wait for their claim.
    var leavesMessages: Bool { desk.leavesMessages }

    // MARK: Telling

    /// What telling an incident is: `opened` for every receiver that it is routed to and that was not told yet.
    ///
    /// What a silence covers is held back until its end.
    func announcement(of target: DeliveryTarget) -> Announcement { announcement(of: target, known: [:]) }

    private func announcement(of target: DeliveryTarget, known: [Receiver: Telling]) -> Announcement {
        if let end = quiet.end(of: target) { return Announcement(isHeld: true, lookAt: end) }
        let tellAt = max(target.tellAt, now)
        let orders = openings(target, at: tellAt, known: known)
        return Announcement(
            isTold: !orders.isEmpty || !known.isEmpty,
            lookAt: rules.nextReminder(of: target.cause, after: tellAt, now: now, deadline: target.deadline),
            orders: orders)
    }

    /// Queues what was announced of incidents that are new and note it already.
    mutating func tell(new opened: [(id: Int64, incident: OpenIncident)]) async throws {
        try await desk.enqueue(
            opened.flatMap { opened in
                opened.incident.announcement.orders(for: opened.id, facts: opened.incident.facts(opened.id))
            })
    }

    /// Tells incidents that were open before.
    mutating func tell(_ targets: [DeliveryTarget]) async throws {
        guard !targets.isEmpty else { return }
        let told = try await receivers(of: targets.map(\.incidentID))
        let announced = targets.map { target in
            (id: target.incidentID, announcement: announcement(of: target, known: told[target.incidentID] ?? [:]))
        }
        try await desk.enqueue(announced.flatMap { $0.announcement.orders(for: $0.id) })
        try await hold(announced.filter(\.announcement.isHeld).map { ($0.id, $0.announcement.lookAt) })
        let queued = announced.filter { !$0.announcement.isHeld }
        guard !queued.isEmpty else { return }
        try await connection.query(
            """
            UPDATE incidents n SET told_at = CASE WHEN u.told THEN coalesce(n.told_at, now()) END,
                   remind_at = CASE WHEN n.acked_at IS NOT NULL THEN NULL
                       WHEN n.told_at IS NOT NULL THEN coalesce(n.remind_at, u.next) ELSE u.next END
              FROM unnest($1::int8[], $2::timestamptz[], $3::bool[]) AS u(id, next, told) WHERE n.id = u.id
            """,
            [
                .int8Array(queued.map(\.id)), .timestamptzArray(queued.map(\.announcement.lookAt)),
                .boolArray(queued.map(\.announcement.isTold)),
            ])
    }

    private func openings(
        _ target: DeliveryTarget, at tellAt: Date, known: [Receiver: Telling]
    ) -> [DeliveryOrder] {
        Routing.told(target.news, among: destinations).flatMap(Receiver.all).filter {
            known[$0] == nil && !quiet.isMuted($0)
        }.map {
            DeliveryOrder(incidentID: target.incidentID, receiver: $0, kind: .opened, type: target.type, at: tellAt)
        }
    }

    /// Looks at them again when their silence ends.
    private func hold(_ held: [(id: Int64, until: Date?)]) async throws {
        guard !held.isEmpty else { return }
        try await connection.query(
            """
            UPDATE incidents n SET remind_at = u.until
              FROM unnest($1::int8[], $2::timestamptz[]) AS u(id, until) WHERE n.id = u.id
            """, [.int8Array(held.map(\.id)), .timestamptzArray(held.map(\.until))])
    }

    // MARK: Reminding

    /// Queues a reminder for whoever has the opening message, the opening for whoever should have it, and the escalation
    /// when enough reminders were not answered.
    mutating func remind(_ due: [DueIncident]) async throws {
        var due = due
        try await hold(
            due.compactMap { incident in quiet.end(of: incident.target).map { (incident.target.incidentID, $0) } })
        due.removeAll { quiet.end(of: $0.target) != nil }
        guard !due.isEmpty else { return }
        let told = try await receivers(of: due.map(\.target.incidentID))
        var orders: [DeliveryOrder] = []
        var next: [(id: Int64, at: Date, reminded: Bool, escalated: Bool)] = []
        for incident in due {
            let target = incident.target
            let known = told[target.incidentID] ?? [:]
            orders += openings(target, at: now, known: known)
            // Nobody is reminded of what still waits to be delivered.
            let reached = known.filter { $0.value == .reached && !quiet.isMuted($0.key) }.map(\.key)
            orders += reached.map { order(target, $0, .reminder) }
            let above =
                incident.reminders >= RelayRules.unansweredMax && !incident.isEscalated
                ? escalations(of: known, target) : []
            orders += above.map { order(target, $0, .escalated) }
            next.append(
                (
                    target.incidentID,
                    rules.nextReminder(
                        of: target.cause, after: incident.dueAt, now: now, deadline: target.deadline),
                    !reached.isEmpty, !above.isEmpty
                ))
        }
        try await desk.enqueue(orders)
        try await connection.query(
            """
            UPDATE incidents n SET remind_at = u.next, reminders = n.reminders + u.reminded::int,
                   escalated_at = CASE WHEN u.escalated THEN now() ELSE n.escalated_at END,
                   told_at = coalesce(n.told_at, now())
              FROM unnest($1::int8[], $2::timestamptz[], $3::bool[], $4::bool[]) AS u(id, next, reminded, escalated)
             WHERE n.id = u.id
            """,
            [
                .int8Array(next.map(\.id)), .timestamptzArray(next.map(\.at)), .boolArray(next.map(\.reminded)),
                .boolArray(next.map(\.escalated)),
            ])
    }

    private func order(_ target: DeliveryTarget, _ receiver: Receiver, _ kind: MessageKind) -> DeliveryOrder {
        DeliveryOrder(
            incidentID: target.incidentID, receiver: receiver, kind: kind, type: target.type,
            at: now.later(by: rules.groupWait))
    }

    /// Who stands above those that were told.
    private func escalations(of known: [Receiver: Telling], _ target: DeliveryTarget) -> [Receiver] {
        let told = Set(known.keys.map(\.destinationID))
        let above = Set(destinations.filter { told.contains($0.id) }.compactMap(\.escalatesTo))
        return destinations.filter { destination in
            above.contains(destination.id) && destination.id != target.news.subject
                && (destination.tenantID == nil || destination.tenantID == target.tenantID)
        }.flatMap(Receiver.all).filter { known[$0] == nil && !quiet.isMuted($0) }
    }

    // MARK: Ending

    /// After incidents closed: what was not sent is dropped, and whoever may know of them is told the end.
    mutating func resolve(_ targets: [DeliveryTarget]) async throws {
        guard !targets.isEmpty else { return }
        let ids = targets.map(\.incidentID)
        try await drop(ids, kinds: MessageKind.tellingOpen)
        let told = try await receivers(of: ids)
        var orders: [DeliveryOrder] = []
        for target in targets {
            let known = (told[target.incidentID] ?? [:]).keys.sorted {
                ($0.destinationID, $0.recipient) < ($1.destinationID, $1.recipient)
            }
            orders += known.filter { !quiet.isMuted($0) }.map {
                DeliveryOrder(
                    incidentID: target.incidentID, receiver: $0, kind: .recovered,
                    type: MessageType.closing(target.cause), at: now.later(by: rules.closeWait(flaps: target.flaps)))
            }
        }
        try await desk.enqueue(orders)
    }

    /// Takes incidents out of messages that were not sent yet; a message left without any is suppressed.
    mutating func drop(_ incidents: [Int64], kinds: [MessageKind]) async throws {
        try await desk.drop(incidents, kinds: kinds)
    }

    /// The incidents that somebody has, may have or is about to have a message of.
    func told(among incidents: [Int64]) async throws -> Set<Int64> {
        Set(try await receivers(of: incidents).keys)
    }

    private enum Telling { case waits, reached }

    /// Those that have, may have or are about to have each incident.
    private func receivers(of incidents: [Int64]) async throws -> [Int64: [Receiver: Telling]] {
        guard !incidents.isEmpty else { return [:] }
        let rows = try await connection.query(
            """
            SELECT i.incident_id, i.destination_id, i.recipient, bool_or(d.state IN ('pending', 'sending')) AS waits
              FROM delivery_items i JOIN deliveries d ON d.id = i.delivery_id
             WHERE i.incident_id = ANY ($1) AND NOT i.dropped AND d.kind IN ('opened', 'reminder', 'escalated')
               AND (d.state IN ('pending', 'sending', 'sent') OR d.maybe_arrived)
             GROUP BY i.incident_id, i.destination_id, i.recipient
            """, [.int8Array(incidents)])
        var told: [Int64: [Receiver: Telling]] = [:]
        for row in rows.rows {
            told[try row.int8("incident_id"), default: [:]][try Receiver(row)] =
                try row.bool("waits") ? .waits : .reached
        }
        return told
    }
}

/// What telling an incident is, before anything is written; nothing at all by default.
struct Announcement {
    /// A silence covers it.
    var isHeld = false
    var isTold = false
    /// When the cadence looks at it next.
    var lookAt: Date?
    fileprivate var orders: [DeliveryOrder] = []

    /// The messages of the incident once it has an id.
    ///
    /// - Parameter facts: of an incident that only this transaction knows.
    func orders(for incident: Int64, facts: IncidentFacts? = nil) -> [DeliveryOrder] {
        orders.map { order in
            var order = order
            order.incidentID = incident
            order.facts = facts
            return order
        }
    }
}

/// An incident whose time has come.
struct DueIncident {
    var target: DeliveryTarget
    var dueAt: Date
    var reminders: Int
    var isEscalated: Bool
}

extension MessageKind {
    static let tellingOpen = allCases.filter(\.tellsOpen)
}
