import Domain
import FoundationEssentials
import Postgres
import Store
import TestSupport
import Testing

@Suite("Cadence") struct RelayCadenceTests {
    /// One dead channel that everybody was told of.
    private func told(
        _ destinations: Destination..., body: (StoreFixture) async throws -> Void
    ) async throws {
        try await StoreFixture.with { fixture in
            for destination in destinations { try await fixture.store.put(destination) }
            try await fixture.add(StoreFixture.newChannel("a", expires: Date() + 30 * 86400))
            try await fixture.event(.warning, channel: "a")
            try await fixture.expand()
            #expect(try await fixture.deliver().map(\.messageKind).contains(.opened))
            try await body(fixture)
        }
    }

    private func next(_ fixture: StoreFixture, hours: Double) async throws -> [String] {
        try await fixture.pass(hours: hours)
        try await fixture.keepCadence()
        return try await fixture.deliver().map { "\($0.messageKind.rawValue) \($0.destinationID)" }.sorted()
    }

    @Test func `reminders come each day until the channel recovers, and count`() async throws {
        try await told(StoreFixture.webhook()) { fixture in
            #expect(try await next(fixture, hours: 12) == [])
            #expect(try await next(fixture, hours: 13) == ["reminder hook"])
            #expect(try await next(fixture, hours: 1) == [])
            try await fixture.pass(hours: 24)
            try await fixture.keepCadence()
            let second = try await fixture.deliver()
            #expect(second.flatMap(\.incidents).map(\.reminders) == [2])
            try await fixture.event(.recovered, channel: "a")
            try await fixture.expand()
            #expect(try await fixture.deliver().map(\.messageKind) == [.recovered])
            #expect(try await next(fixture, hours: 200) == [])
        }
    }

    @Test func `days nobody looked bring one reminder`() async throws {
        try await told(StoreFixture.webhook()) { fixture in
            let late = try await next(fixture, hours: 24 * 10)
            #expect(late == ["reminder hook"])
            #expect(try await next(fixture, hours: 23) == [])
            #expect(try await next(fixture, hours: 2) == ["reminder hook"])
        }
    }

    @Test func `on the last day reminders come every four hours`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook())
            try await fixture.add(StoreFixture.newChannel("a", expires: Date() + 25 * 3600))
            try await fixture.event(.warning, channel: "a")
            try await fixture.expand()
            try await fixture.deliver()
            var sent = 0
            for _ in 0..<24 { sent += try await next(fixture, hours: 1).count }
            #expect((5...6).contains(sent))
        }
    }

    @Test func `after two reminders without an answer the next destination is told, once`() async throws {
        var hook = StoreFixture.webhook()
        hook.escalatesTo = "chief"
        try await told(
            hook, StoreFixture.webhook("chief", isDefault: false, match: DestinationMatch(types: ["ping"]))
        ) { fixture in
            #expect(try await next(fixture, hours: 25) == ["reminder hook"])
            #expect(try await next(fixture, hours: 25) == ["reminder hook"])
            #expect(try await next(fixture, hours: 25) == ["escalated chief", "reminder hook"])
            #expect(try await next(fixture, hours: 25) == ["reminder chief", "reminder hook"])
            #expect(try await fixture.store.incidents(IncidentQuery()).first?.escalatedAt != nil)
            try await fixture.event(.recovered, channel: "a")
            try await fixture.expand()
            let recovered = try await fixture.deliver()
            #expect(Set(recovered.map(\.destinationID)) == ["hook", "chief"])
            #expect(recovered.allSatisfy { $0.messageKind == .recovered })
        }
    }

    @Test func `who acknowledges ends reminders and escalation, and the end is told all the same`() async throws {
        try await told(StoreFixture.webhook()) { fixture in
            try await fixture.pass(hours: 25)
            while try await fixture.store.keepCadence(limit: 10, rules: StoreFixture.rules) > 0 {}
            let id = try #require(try await fixture.store.openIncident(of: "a")?.id)
            #expect(try await fixture.store.acknowledge(.incident(id), note: nil, tenantID: "x", by: "o").isEmpty)
            let taken = try await fixture.store.acknowledge(
                .incident(id), note: "On it.", tenantID: "default", by: "olga")
            #expect(taken.map(\.acknowledgement?.by) == ["olga"])
            #expect(taken.map(\.nextReminderAt) == [nil])
            // The reminder that waited is dropped.
            #expect(try await next(fixture, hours: 0) == [])
            #expect(try await next(fixture, hours: 100) == [])
            let again = try await fixture.store.acknowledge(.incident(id), note: nil, tenantID: nil, by: "ivan")
            #expect(again.map(\.acknowledgement?.by) == ["olga"])
            try await fixture.event(.recovered, channel: "a")
            try await fixture.expand()
            #expect(try await fixture.deliver().map(\.messageKind) == [.recovered])
            #expect(try await fixture.store.acknowledge(.incident(id), note: nil, tenantID: nil, by: "o").isEmpty)
            #expect(
                try await fixture.store.auditEntries(AuditQuery(action: "incident.acknowledged")).map(\.actor.name)
                    == ["olga"])
        }
    }

    @Test func `a message's buttons act on all it carries`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook())
            try await fixture.add(StoreFixture.newChannel("a"), StoreFixture.newChannel("b", tenant: "acme"))
            try await fixture.event(.warning, channel: "a")
            try await fixture.event(.warning, channel: "b")
            try await fixture.expand()
            let message = try #require(try await fixture.deliver().first)
            let target = RelayTarget.delivery(message.claim.deliveryID)
            #expect(try await fixture.store.acknowledge(target, note: nil, tenantID: "acme", by: "x").count == 1)
            #expect(try await fixture.store.acknowledge(target, note: nil, tenantID: nil, by: "x").count == 2)
            let snoozed = try await fixture.store.snooze(
                target, until: Date() + 3600, comment: "", tenantID: nil, by: "x")
            #expect(snoozed.count == 2)
        }
    }

    @Test func `I13 an end that nobody heard of is taken back, and flapping makes ends wait`() async throws {
        try await told(StoreFixture.webhook()) { fixture in
            let first = try #require(try await fixture.store.openIncident(of: "a")?.id)
            for _ in 0..<3 {
                try await fixture.event(.recovered, channel: "a")
                try await fixture.event(.warning, channel: "a")
            }
            try await fixture.expand()
            #expect(try await fixture.deliver().isEmpty)
            #expect(try await fixture.store.openIncident(of: "a")?.id == first)
            #expect(try await fixture.count("incident_members WHERE left_at IS NULL") == 1)
            try await fixture.event(.recovered, channel: "a")
            try await fixture.expand()
            // Three times back: half an hour.
            #expect(try await fixture.deliver().isEmpty)
            try await fixture.pass(hours: 0.52)
            #expect(try await fixture.deliver().map(\.messageKind) == [.recovered])
            try await fixture.event(.warning, channel: "a")
            try await fixture.expand()
            #expect(try await fixture.deliver().map(\.messageKind) == [.opened])
            #expect(try await fixture.store.openIncident(of: "a")?.id != first)
        }
    }

    @Test func `nobody is reminded of what still waits to be delivered`() async throws {
        try await told(StoreFixture.webhook()) { fixture in
            try await fixture.store.put(StoreFixture.webhook("broken"))
            #expect(try await next(fixture, hours: 25) == ["opened broken", "reminder hook"])
            _ = try await fixture.row(
                """
                UPDATE deliveries SET state = 'pending', run_at = now() + interval '90 days', finished_at = NULL
                 WHERE destination_id = 'broken' RETURNING id
                """)
            #expect(try await next(fixture, hours: 25) == ["reminder hook"])
        }
    }

    @Test func `what went nowhere is told when there is somewhere to go`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a"))
            try await fixture.event(.warning, channel: "a")
            try await fixture.expand()
            #expect(try await fixture.deliver().isEmpty)
            try await fixture.store.put(StoreFixture.webhook())
            try await fixture.keepCadence()
            #expect(try await fixture.deliver().map(\.messageKind) == [.opened])
        }
    }

    @Test func `reminders that would follow soon go out as one message`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook())
            for number in 0..<5 {
                let id = ChannelID(rawValue: "c\(number)")
                try await fixture.add(StoreFixture.newChannel(id, expires: Date() + 30 * 86400))
                try await fixture.event(.warning, channel: id.rawValue)
                try await fixture.expand()
                #expect(try await fixture.deliver().count == 1)
                try await fixture.pass(hours: 0.1)
            }
            try await fixture.pass(hours: 23.6)
            try await fixture.keepCadence()
            #expect(try await fixture.deliver().map(\.total) == [5])
        }
    }

    // MARK: Deadlines

    private static let deadlines = RelayRules(
        groupWait: .seconds(30), deadlines: ["fixed": .human, "sliding": .renewal, "own": .accessToken])

    private func expiring(_ id: ChannelID, provider: String, days: Double, due: Date? = Date() + 3600) -> NewChannel {
        var channel = StoreFixture.newChannel(id, provider: provider, due: due)
        channel.grant.humanDeadlineAt = Date() + days * 86400
        return channel
    }

    /// Grants of a year ago; the number of a grant is its moment.
    private func granted(_ fixture: StoreFixture, _ channels: String...) async throws {
        _ = try await fixture.row(
            "UPDATE schedule SET grant_id = grant_id - 31536000000000 WHERE channel_id = ANY ($1) RETURNING 1",
            [.textArray(channels)])
    }

    @Test func `a grant only a human extends is warned of 30, 14, 7, 3 and 1 days before its end`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook())
            try await fixture.add(
                expiring("long", provider: "fixed", days: 40), expiring("moves", provider: "sliding", days: 40),
                expiring("alone", provider: "sliding", days: 40, due: nil),
                expiring("unknown", provider: "oauth2", days: 40))
            try await granted(fixture, "long", "moves", "alone", "unknown")
            var days: [Int] = []
            for day in 0..<39 {
                _ = try await fixture.store.watchDeadlines(rules: Self.deadlines)
                try await fixture.keepCadence(Self.deadlines)
                let sent = try await fixture.deliver()
                if !sent.isEmpty { days.append(40 - day) }
                #expect(sent.allSatisfy { $0.messageType == .channelExpiring })
                #expect(
                    sent.allSatisfy { Set($0.incidents.map(\.cause.id)).isSubset(of: ["long", "alone"]) })
                try await fixture.pass(hours: 24)
            }
            #expect(days == [30, 14, 7, 3])
        }
    }

    @Test func `a grant that was extended ends the warning, a refresh does not`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook())
            try await fixture.add(
                expiring("a", provider: "fixed", days: 31), expiring("new", provider: "fixed", days: 5))
            try await granted(fixture, "a")
            // Younger than its first step at its beginning: nobody who just authorized is told at once.
            try await fixture.pass(hours: 26)
            #expect(try await fixture.store.watchDeadlines(rules: Self.deadlines) == 1)
            #expect(try await fixture.store.watchDeadlines(rules: Self.deadlines) == 0)
            try await fixture.expand()
            #expect(try await fixture.deliver().map(\.messageType) == [.channelExpiring])
            try await fixture.event(.recovered, channel: "a", reason: .refreshFailing)
            try await fixture.expand()
            #expect(try await fixture.openIncidents() == ["a expiring"])
            _ = try await fixture.row(
                "UPDATE credentials SET human_deadline_at = now() + interval '365 d' WHERE channel_id = 'a' RETURNING 1"
            )
            #expect(try await fixture.store.watchDeadlines(rules: Self.deadlines) == 1)
            try await fixture.expand()
            #expect(try await fixture.deliver().map(\.messageKind) == [.recovered])
        }
    }
}
