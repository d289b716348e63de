import Domain
import FoundationEssentials
import Postgres
import Store
import TestSupport

/// Events, destinations and deliveries on a ``StoreFixture``.
extension StoreFixture {
    static let rules = RelayRules(groupWait: .seconds(30), failingWait: .seconds(3600))

    static let limits = DeliveryLimits(
        lease: { _ in .seconds(60) }, perDestination: { kind, _ in kind.isSlack ? 1 : 4 },
        pace: { $0 == .slackWebhook ? .seconds(60) : nil })

    static func webhook(
        _ id: String = "hook", tenant: String? = nil, isDefault: Bool = true, match: DestinationMatch = .init()
    ) -> Destination {
        Destination(
            id: id, tenantID: tenant, name: "Hook", isDefault: isDefault, match: match,
            configuration: .webhook(
                url: Secret("https://receiver.example/canaryPath"), secret: Secret("whsec_canarySecret")))
    }

    static func email(_ id: String = "mail", recipients: [String]) -> Destination {
        Destination(
            id: id, name: "Mail", isDefault: true, recipients: recipients,
            configuration: .email(server: Secret("smtp://u:canaryPassword@mail.example:587"), sender: "t@example.org"))
    }

    static func slack(_ id: String = "slack") -> Destination {
        Destination(
            id: id, name: "Slack", isDefault: true,
            configuration: .slackWebhook(url: Secret("https://hooks.slack.example/canarySlack")))
    }

    func event(
        _ kind: RelayEvent.Kind, channel: String? = nil, app: String? = nil,
        reason: WarningReason = .reauthorizationRequired
    ) async throws {
        _ = try await row(
            """
            INSERT INTO event (channel_id, app_id, kind, reason, code, message)
            VALUES ($1, $2, $3, $4, 'test_code', 'It failed for a test.') RETURNING id
            """,
            [
                channel.map { .text($0) } ?? .null, app.map { .text($0) } ?? .null, .text(kind.rawValue),
                .text(app == nil ? reason.rawValue : "app_rejected"),
            ])
    }

    /// Without rules of the test's own the group wait is over at once.
    func expand(_ rules: RelayRules? = nil) async throws {
        while try await store.expandEvents(limit: 1000, rules: rules ?? Self.rules, claiming: nil).events > 0 {}
        if rules == nil { try await endGroupWait() }
    }

    /// Reminders and what else is due, and the group wait after it.
    func keepCadence(_ rules: RelayRules = rules) async throws {
        while try await store.keepCadence(limit: 1000, rules: rules) > 0 {}
        try await endGroupWait()
    }

    private func endGroupWait() async throws {
        _ = try await row(
            """
            UPDATE deliveries SET run_at = now()
             WHERE state = 'pending' AND attempts = 0 AND run_at <= now() + interval '31 s' RETURNING id
            """)
    }

    /// Lets time pass.
    func pass(hours: Double) async throws {
        try await store.pool.withConnection { try await $0.pass(Int(hours * 3600)) }
    }

    func claim(
        _ limit: Int = 100, limits: DeliveryLimits = limits, content: String = "frozen"
    ) async throws -> [ClaimedDelivery] {
        let terms = ClaimTerms(limit: limit, limits: limits) { _ in Array(content.utf8) }
        var claimed: [ClaimedDelivery] = []
        for lane in DeliveryLane.allCases {
            claimed += try await store.claimDeliveries(terms, lane: lane).deliveries
        }
        return claimed
    }

    static func report(
        _ end: DeliveryReport.End, maybeArrived: Bool? = nil, park: Duration? = nil, degrades: Bool = false
    ) -> DeliveryReport {
        DeliveryReport(
            end: end, code: end == .sent ? "200" : "500", sentence: "The receiver answered.",
            maybeArrived: maybeArrived ?? (end == .sent), duration: .milliseconds(12), excerpt: "body", park: park,
            degrades: degrades)
    }

    /// Claims what is due, renders it and ends it; what was claimed comes back.
    @discardableResult
    func deliver(_ report: DeliveryReport = report(.sent)) async throws -> [ClaimedDelivery] {
        let claimed = try await claim()
        for delivery in claimed {
            _ = try await store.finish(delivery.claim, report)
        }
        return claimed
    }

    func deliveryStates() async throws -> [String] {
        try await store.deliveries(DeliveryQuery()).reversed().map { "\($0.kind.rawValue) \($0.state.rawValue)" }
    }

    func openIncidents() async throws -> [String] {
        try await store.incidents(IncidentQuery(isOpen: true)).reversed().map { "\($0.cause.id) \($0.cause.reason)" }
    }
}
