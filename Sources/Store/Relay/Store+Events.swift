package import Domain
import FoundationEssentials
import Postgres

/// Events become incidents and deliveries, in order and once each (PROTOCOL §9).
extension Store {
    package func expandEvents(limit: Int, rules: RelayRules, claiming terms: ClaimTerms?) async throws -> Expanded {
        var limit = min(max(limit, 1), 1000)
        var terms = terms
        while true {
            do {
                return try await expand(limit: limit, rules: rules, claiming: terms)
            } catch let refusal as EventsRefused {
                // Alone, it takes nobody with it.
                if refusal.events.count == 1 { return try await setAside(refusal.events[0], because: refusal.fault) }
                limit = max(1, refusal.events.count / 2)
                terms = nil
            }
        }
    }

    private func expand(limit: Int, rules: RelayRules, claiming terms: ClaimTerms?) async throws -> Expanded {
        let sentAt = ContinuousClock.now
        return try await transaction { connection in
            var expanded = Expanded(
                events: 0, claimed: DeliveryBatch(deliveries: [], sentAt: sentAt), leavesMessages: false,
                remainder: .elsewhere)
            guard let now = try await Self.takeRelayLock(on: connection) else { return expanded }
            let events = try await Self.takeEvents(limit: limit, on: connection)
            expanded.events = events.count
            // What was written meanwhile wakes the relay.
            expanded.remainder = events.count < limit ? .nothing : .some
            guard !events.isEmpty else { return expanded }
            let news = events.compactMap(\.event)
            // What ends or gathers incidents may take back what the same events opened.
            let early = news.allSatisfy(\.kind.onlyOpens) ? terms : nil
            do {
                var expansion = try await Expansion(
                    rules: rules, early: EarlyClaims(early, rules: rules, ring: ring), connection: connection, now: now)
                try await expansion.apply(news)
                expanded.claimed.deliveries = expansion.queue.claimed
                expanded.leavesMessages = expansion.queue.leavesMessages
            } catch PostgresError.server(let state, let message, _) where state.faultsRow {
                throw EventsRefused(events: events.map(\.id), fault: "\(state.rawValue): \(message)")
            }
            return expanded
        }
    }

    /// The database refuses what was made of one of the events.
    private struct EventsRefused: Error {
        var events: [Int64]
        var fault: String
    }

    private func setAside(_ event: Int64, because fault: String) async throws -> Expanded {
        try await transaction { connection in
            var expanded = Expanded(
                events: 0, claimed: DeliveryBatch(deliveries: [], sentAt: .now), leavesMessages: false,
                remainder: .elsewhere)
            guard try await Self.takeRelayLock(on: connection) != nil else { return expanded }
            expanded.events = try await connection.query(
                """
                UPDATE event SET expanded_at = now(), fault = $2 WHERE id = $1 AND expanded_at IS NULL
                """, [.int8(event), .text(String(fault.prefix(300)))]
            ).affected
            expanded.remainder = .some
            return expanded
        }
    }

    /// One replica at a time, so that a channel's events are expanded in order; ends with the transaction.
    ///
    /// - Returns: the transaction's time; nil: somebody else has the lock.
    static func takeRelayLock(on connection: PostgresConnection) async throws -> Date? {
        try await connection.query(
            "SELECT CASE WHEN pg_try_advisory_xact_lock(\(relayLock)) THEN now() END AS now"
        ).rows[0].dateOrNil("now")
    }

    /// Waits for the lock: people's acts on incidents take turns with the relay.
    static func holdRelayLock(on connection: PostgresConnection) async throws {
        try await connection.query("SELECT pg_advisory_xact_lock(\(relayLock))")
    }

    /// The table's id makes it one lock for each schema of a database.
    private static let relayLock = "7246110520000000 + 'event'::regclass::oid::int8"

    /// The oldest events, in their order, expanded when the transaction commits.
    ///
    /// Nil for a kind of a newer version, which is passed over. They have no other writer while the relay's lock is held,
    /// so that their places do not change.
    private static func takeEvents(
        limit: Int, on connection: PostgresConnection
    ) async throws -> [(id: Int64, event: RelayEvent?)] {
        let result = try await connection.query(
            """
            UPDATE event SET expanded_at = now() WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM event WHERE expanded_at IS NULL ORDER BY id LIMIT \(limit)))
            RETURNING id, channel_id, app_id, kind, reason, code, message, at, destination_id, payload->>'id' AS own_id,
                      payload->>'severity' AS severity, payload->>'title' AS title, payload->>'message' AS text,
                      payload->>'tenantID' AS tenant, payload->>'link' AS link, payload->>'data' AS data
            """)
        let events = try result.rows.map { row -> (id: Int64, event: RelayEvent?) in
            let id = try row.int8("id")
            guard let kind = RelayEvent.Kind(rawValue: try row.text("kind")) else { return (id, nil) }
            let event = RelayEvent(
                id: id, kind: kind, channelID: try row.textOrNil("channel_id").map(ChannelID.init(rawValue:)),
                appID: try row.textOrNil("app_id"), reason: try row.textOrNil("reason"),
                code: try row.textOrNil("code"), message: try row.textOrNil("message"), at: try row.date("at"),
                destinationID: try row.textOrNil("destination_id"),
                platform: try PlatformEvent(row))
            return (id, event)
        }
        return events.sorted { $0.id < $1.id }
    }
}

extension PlatformEvent {
    /// Nil where there is none, or none that this version knows.
    fileprivate init?(_ row: PostgresRow) throws {
        guard let id = try row.textOrNil("own_id"), let title = try row.textOrNil("title"),
            let severity = try row.textOrNil("severity").flatMap(Severity.init)
        else { return nil }
        self.init(
            id: id, severity: severity, title: title, message: try row.textOrNil("text"),
            tenantID: try row.textOrNil("tenant"), link: try row.textOrNil("link"), data: try row.textOrNil("data"))
    }
}

extension SQLState {
    /// The row itself cannot be stored: a value (22, 23), or too much of it (54).
    fileprivate var faultsRow: Bool { isDataError || rawValue.hasPrefix("54") }
}

extension RelayEvent.Kind {
    /// Opens an incident and touches no other.
    fileprivate var onlyOpens: Bool {
        switch self {
        case .warning, .security, .platform: true
        default: false
        }
    }
}
