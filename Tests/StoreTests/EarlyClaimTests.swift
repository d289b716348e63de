import Domain
import FoundationEssentials
import Postgres
import Store
import TestSupport
import Testing

@Suite("Messages claimed as they are made") struct EarlyClaimTests {
    private static let rules = RelayRules(groupWait: .zero)

    private static func terms(_ limit: Int = 100, perDestination: Int = 100) -> ClaimTerms {
        ClaimTerms(
            limit: limit,
            limits: DeliveryLimits(
                lease: { _ in .seconds(60) }, perDestination: { _, _ in perDestination }, pace: { _ in nil })
        ) { Array($0.incidents.map { "\($0.cause.id) \($0.displayName ?? $0.title ?? "")" }.joined().utf8) }
    }

    private func warned(
        _ destinations: Destination..., channels: Int = 1, _ body: (StoreFixture) async throws -> Void
    ) async throws {
        try await StoreFixture.with { fixture in
            for destination in destinations { try await fixture.store.put(destination) }
            for number in 0..<channels {
                try await fixture.add(StoreFixture.newChannel(ChannelID(rawValue: "c\(number)")))
                try await fixture.event(.warning, channel: "c\(number)")
            }
            try await body(fixture)
        }
    }

    private func expand(
        _ fixture: StoreFixture, _ terms: ClaimTerms? = terms(), rules: RelayRules = rules
    ) async throws -> [ClaimedDelivery] {
        try await fixture.store.expandEvents(limit: 1000, rules: rules, claiming: terms).claimed.deliveries
    }

    @Test func `they are ours with their content, as a claim makes them`() async throws {
        try await warned(StoreFixture.webhook(), channels: 2) { fixture in
            let claimed = try await expand(fixture)
            #expect(claimed.count == 2)
            #expect(try await fixture.claim().isEmpty)
            let contents = claimed.compactMap(\.content).map { String(decoding: $0, as: UTF8.self) }
            #expect(contents.sorted() == ["c0 Shop c0", "c1 Shop c1"])
            let stored = try #require(
                try await fixture.row(
                    """
                    SELECT count(*) AS n FROM deliveries WHERE state = 'sending' AND tries = 1 AND attempts = 1
                       AND lease_until > now() + interval '50 s' AND run_at = lease_until AND NOT maybe_arrived
                       AND content = ANY ($1)
                    """, [.byteaArray(claimed.map(\.content))]))
            #expect(try stored.int8("n") == 2)
            for delivery in claimed {
                let isHeld = try await fixture.store.finish(delivery.claim, StoreFixture.report(.sent))
                #expect(isHeld)
            }
            #expect(try await fixture.deliveryStates() == ["opened sent", "opened sent"])
            try await fixture.event(.recovered, channel: "c0")
            #expect(try await expand(fixture).isEmpty)
            #expect(try await fixture.deliver().map(\.messageKind) == [.recovered])
        }
    }

    @Test func `a later claim sees the same delivery`() async throws {
        try await warned(StoreFixture.webhook()) { fixture in
            let early = try #require(try await expand(fixture).first)
            _ = try await fixture.row(
                "UPDATE deliveries SET lease_until = now() - interval '1 s', run_at = now() RETURNING id")
            let later = try #require(try await fixture.claim(content: "other").first)
            #expect(later.claim.deliveryID == early.claim.deliveryID)
            #expect(later.content == early.content)
            #expect(later.tries == 2)
            #expect(later.incidents == early.incidents)
            #expect(later.total == early.total)
            #expect(later.rootIncident == early.rootIncident)
            #expect(abs(later.queuedAt.timeIntervalSince(early.queuedAt)) < 0.001)
            #expect(try await fixture.store.finish(early.claim, StoreFixture.report(.sent)) == false)
        }
    }

    @Test func `a quarter of a webhook's number is kept for what waits, and the rest waits too`() async throws {
        try await warned(StoreFixture.webhook(), channels: 10) { fixture in
            let early = try await expand(fixture, Self.terms(perDestination: 4))
            #expect(early.count == 3)
            #expect(try await fixture.claim().count == 1, "Of four at once three are on their way.")
            #expect(try await fixture.store.deliveries(DeliveryQuery()).count == 10)
        }
    }

    @Test func `no more than the terms say`() async throws {
        try await warned(StoreFixture.webhook("one"), StoreFixture.webhook("two"), channels: 3) { fixture in
            let early = try await expand(fixture, Self.terms(4))
            #expect(early.count == 4)
        }
    }

    @Test func `Slack, mail, and a webhook that failed take their turns`() async throws {
        let destinations = [
            StoreFixture.slack(), StoreFixture.email(recipients: ["a@example.org"]), StoreFixture.webhook("failed"),
            StoreFixture.webhook("parked"),
        ]
        try await warned(destinations[0], destinations[1], destinations[2], destinations[3]) { fixture in
            _ = try await fixture.row("UPDATE destinations SET failures = 1 WHERE id = 'failed' RETURNING id")
            _ = try await fixture.row(
                "UPDATE destinations SET parked_until = now() + interval '1 h' WHERE id = 'parked' RETURNING id")
            #expect(try await expand(fixture).isEmpty)
            #expect(try await fixture.deliveryStates() == Array(repeating: "opened pending", count: 4))
        }
    }

    @Test func `with a group wait, or with an end among the events, nothing leaves early`() async throws {
        try await warned(StoreFixture.webhook(), channels: 2) { fixture in
            try await fixture.event(.recovered, channel: "c0")
            #expect(try await expand(fixture).isEmpty)
            #expect(try await fixture.deliveryStates().sorted() == ["opened pending", "opened suppressed"])
            try await fixture.event(.warning, channel: "c0")
            #expect(try await expand(fixture, rules: StoreFixture.rules).isEmpty)
        }
    }

    @Test func `a silence holds it`() async throws {
        try await warned(StoreFixture.webhook()) { fixture in
            let silence = Silence(
                tenantID: nil, match: SilenceMatch(tenants: ["default"]), startsAt: Date() - 1, endsAt: Date() + 3600,
                author: "olga", comment: "Maintenance.", createdAt: Date())
            try await fixture.store.addSilence(silence, by: "olga")
            #expect(try await expand(fixture).isEmpty)
            #expect(try await fixture.deliveryStates().isEmpty)
        }
    }

    @Test func `events of the platform become incidents together, each id one`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook())
            for id in ["one", "two", "one"] {
                _ = try await fixture.row(
                    """
                    INSERT INTO event (kind, reason, message, payload) VALUES ('platform', 'event', 'It broke.',
                        jsonb_build_object('id', $1::text, 'severity', 'critical', 'title', 'Disk of ' || $1::text))
                    RETURNING id
                    """, [.text(id)])
            }
            let claimed = try await expand(fixture)
            let contents = claimed.compactMap(\.content).map { String(decoding: $0, as: UTF8.self) }
            #expect(contents.sorted() == ["one Disk of one", "two Disk of two"])
            #expect(try await fixture.openIncidents().sorted() == ["one event", "two event"])
        }
    }
}
