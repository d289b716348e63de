package import Domain
import FoundationEssentials
import Postgres

/// Events become incidents and deliveries, in order and once each (PROTOCOL §9).
extension Store {
    package func expandEvents(limit: Int, rules: RelayRules, claiming terms: ClaimTerms?) async throws -> Expanded {
        do {
            return try await expand(limit: limit, rules: rules, claiming: terms)
        } catch PostgresError.server(let state, _, _) where state.faultsRow {
            // The database refuses one of the rows: alone, it takes nobody with it.
            do {
                return try await expand(limit: 1, rules: rules, claiming: nil)
            } catch PostgresError.server(let state, let message, _) where state.faultsRow {
                let events = try await setAside(because: "\(state.rawValue): \(message)")
                return Expanded(events: events, claimed: DeliveryBatch(deliveries: [], sentAt: .now))
            }
        }
    }

    private func expand(limit: Int, rules: RelayRules, claiming terms: ClaimTerms?) async throws -> Expanded {
        let sentAt = ContinuousClock.now
        var expanded = Expanded(events: 0, claimed: DeliveryBatch(deliveries: [], sentAt: sentAt))
        (expanded.events, expanded.claimed.deliveries) = try await transaction { connection in
            guard try await Self.takeRelayLock(on: connection) else { return (0, []) }
            let events = try await Self.pendingEvents(limit: limit, on: connection)
            guard !events.isEmpty else { return (0, []) }
            let news = events.compactMap(\.event)
            // What ends or gathers incidents may take back what the same events opened.
            let early = news.allSatisfy(\.kind.onlyOpens) ? terms : nil
            var expansion = try await Expansion(
                rules: rules, early: EarlyClaims(early, rules: rules, ring: ring), connection: connection)
            try await expansion.apply(news)
            try await connection.query(
                "UPDATE event SET expanded_at = now() WHERE id = ANY ($1)", [.int8Array(events.map(\.id))])
            return (events.count, expansion.queue.claimed)
        }
        return expanded
    }

    private func setAside(because fault: String) async throws -> Int {
        try await transaction { connection in
            guard try await Self.takeRelayLock(on: connection) else { return 0 }
            return try await connection.query(
                """
                UPDATE event SET expanded_at = now(), fault = $1
                 WHERE id = (SELECT id FROM event WHERE expanded_at IS NULL ORDER BY id LIMIT 1)
                """, [.text(String(fault.prefix(300)))]
            ).affected
        }
    }

    /// One replica at a time, so that a channel's events are expanded in order; ends with the transaction.
    static func takeRelayLock(on connection: PostgresConnection) async throws -> Bool {
        try await connection.query("SELECT pg_try_advisory_xact_lock(\(relayLock)) AS taken").rows[0].bool("taken")
    }

    /// Waits for the lock: people's acts on incidents take turns with the relay.
    static func holdRelayLock(on connection: PostgresConnection) async throws {
        try await connection.query("SELECT pg_advisory_xact_lock(\(relayLock))")
    }

    /// The table's id makes it one lock for each schema of a database.
    private static let relayLock = "7246110520000000 + 'event'::regclass::oid::int8"

    /// Nil for a kind of a newer version, which is passed over.
    private static func pendingEvents(
        limit: Int, on connection: PostgresConnection
    ) async throws -> [(id: Int64, event: RelayEvent?)] {
        let result = try await connection.query(
            """
            SELECT id, channel_id, app_id, kind, reason, code, message, at, destination_id, payload FROM event
             WHERE expanded_at IS NULL ORDER BY id LIMIT \(min(max(limit, 1), 1000))
            """)
        return try result.rows.map { row in
            let id = try row.int8("id")
            guard let kind = RelayEvent.Kind(rawValue: try row.text("kind")) else { return (id, nil) }
            let event = RelayEvent(
                id: id, kind: kind, channelID: try row.textOrNil("channel_id").map(ChannelID.init(rawValue:)),
                appID: try row.textOrNil("app_id"), reason: try row.textOrNil("reason"),
                code: try row.textOrNil("code"), message: try row.textOrNil("message"), at: try row.date("at"),
                destinationID: try row.textOrNil("destination_id"),
                platform: try row.jsonOrNil("payload").flatMap {
                    try? JSONDecoder().decode(PlatformEvent.self, from: Data($0.utf8))
                })
            return (id, event)
        }
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
