import Domain
import FoundationEssentials
import Postgres
import Store
import TestSupport
import Testing

@Suite("Silences, mutes and storms") struct RelaySilenceTests {
    private func silence(
        _ match: SilenceMatch, from start: Double = 0, hours: Double = 2, tenant: String? = nil
    ) -> Silence {
        Silence(
            tenantID: tenant, match: match, startsAt: Date() + start * 3600 - 1,
            endsAt: Date() + (start + hours) * 3600,
            author: "olga", comment: "Maintenance.", createdAt: Date())
    }

    private func warn(_ fixture: StoreFixture, _ channels: String...) async throws {
        for channel in channels { try await fixture.event(.warning, channel: channel) }
        try await fixture.expand()
    }

    private func sent(_ fixture: StoreFixture) async throws -> [String] {
        try await fixture.keepCadence()
        return try await fixture.deliver().flatMap { delivery in
            delivery.incidents.map { "\(delivery.messageKind.rawValue) \($0.cause.id)" }
        }.sorted()
    }

    @Test func `what is open at a silence's end is told then, what ended meanwhile never`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook())
            try await fixture.add(
                StoreFixture.newChannel("a", tenant: "acme"), StoreFixture.newChannel("b", tenant: "acme"),
                StoreFixture.newChannel("c", tenant: "other"))
            try await fixture.store.addSilence(silence(SilenceMatch(tenants: ["acme"])), by: "olga")
            try await warn(fixture, "a", "b", "c")
            #expect(try await sent(fixture) == ["opened c"])
            try await fixture.event(.recovered, channel: "b")
            try await fixture.expand()
            #expect(try await sent(fixture) == [])
            try await fixture.pass(hours: 1)
            #expect(try await sent(fixture) == [])
            try await fixture.pass(hours: 1.1)
            #expect(try await sent(fixture) == ["opened a"])
            #expect(try await fixture.store.silences(isActive: true, tenantID: nil, limit: 10).isEmpty)
            #expect(
                try await fixture.store.silences(isActive: false, tenantID: nil, limit: 10).map(\.author) == ["olga"])
        }
    }

    @Test func `a silence drops what waits, lets the end through, and its removal tells at once`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook())
            try await fixture.add(StoreFixture.newChannel("told"), StoreFixture.newChannel("waits"))
            try await warn(fixture, "told")
            #expect(try await sent(fixture) == ["opened told"])
            try await warn(fixture, "waits")
            let all = silence(SilenceMatch(minimumSeverity: .warning), hours: 48)
            try await fixture.store.addSilence(all, by: "olga")
            try await fixture.pass(hours: 26)
            #expect(try await sent(fixture) == [])
            try await fixture.event(.recovered, channel: "told")
            try await fixture.expand()
            #expect(try await sent(fixture) == ["recovered told"])
            #expect(try await fixture.store.removeSilence(all.id, tenantID: "acme", by: "x") == false)
            #expect(try await fixture.store.removeSilence(all.id, tenantID: nil, by: "olga"))
            #expect(try await fixture.store.removeSilence(all.id, tenantID: nil, by: "olga") == false)
            #expect(try await sent(fixture) == ["opened waits"])
        }
    }

    @Test func `a snooze reminds at its end`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook())
            try await fixture.add(StoreFixture.newChannel("a", expires: Date() + 90 * 86400))
            try await warn(fixture, "a")
            #expect(try await sent(fixture) == ["opened a"])
            let id = try #require(try await fixture.store.openIncident(of: "a")?.id)
            let snoozed = try await fixture.store.snooze(
                .incident(id), until: Date() + 72 * 3600, comment: "Monday.", tenantID: nil, by: "olga")
            #expect(snoozed.map(\.match.incident) == [id])
            try await fixture.pass(hours: 71)
            #expect(try await sent(fixture) == [])
            try await fixture.pass(hours: 1.1)
            #expect(try await sent(fixture) == ["reminder a"])
        }
    }

    @Test func `a silence that begins later drops what waits when its time comes`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook())
            try await fixture.add(StoreFixture.newChannel("a"))
            try await fixture.store.addSilence(silence(SilenceMatch(channels: ["a"]), from: 1), by: "x")
            try await fixture.event(.warning, channel: "a", reason: .refreshFailing)
            // Told after an hour.
            try await fixture.expand()
            try await fixture.pass(hours: 1.2)
            #expect(try await sent(fixture) == [])
            try await fixture.pass(hours: 2)
            #expect(try await sent(fixture) == ["opened a"])
        }
    }

    @Test func `a tenant's silence covers that tenant alone`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook())
            try await fixture.add(
                StoreFixture.newChannel("a", tenant: "acme"), StoreFixture.newChannel("b", tenant: "other"))
            try await fixture.store.addSilence(
                silence(SilenceMatch(minimumSeverity: .info), tenant: "acme"), by: "acme")
            try await warn(fixture, "a", "b")
            #expect(try await sent(fixture) == ["opened b"])
            #expect(try await fixture.store.silences(isActive: true, tenantID: "other", limit: 10).isEmpty)
        }
    }

    @Test func `a muted receiver hears nothing more, the others everything`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.email(recipients: ["a@example.org", "b@example.org"]))
            try await fixture.add(StoreFixture.newChannel("a"), StoreFixture.newChannel("b"))
            try await warn(fixture, "a")
            #expect(
                try await fixture.store.mute(
                    destination: "mail", recipient: "c@example.org", tenantID: nil, by: "unsubscribe") == false)
            for _ in 0..<2 {
                #expect(
                    try await fixture.store.mute(
                        destination: "mail", recipient: "a@example.org", tenantID: nil, by: "unsubscribe"))
            }
            #expect(try await fixture.deliver().map(\.recipient) == ["b@example.org"])
            try await warn(fixture, "b")
            #expect(try await fixture.deliver().map(\.recipient) == ["b@example.org"])
            #expect(try await fixture.store.mutes(tenantID: nil).map(\.by) == ["unsubscribe"])
            #expect(
                try await fixture.store.unmute(
                    destination: "mail", recipient: "a@example.org", tenantID: nil, by: "olga"))
            #expect(
                try await fixture.store.unmute(
                    destination: "mail", recipient: "a@example.org", tenantID: nil, by: "olga") == false)
        }
    }

    @Test func `a transport's handle comes back with later messages of the incident`() async throws {
        try await StoreFixture.with { fixture in
            var bot = StoreFixture.slack("bot")
            bot.configuration = .slackBot(token: Secret("xoxb-canary"), channel: "#ops", signingSecret: Secret("s"))
            try await fixture.store.put(bot)
            #expect(try await fixture.store.destination("bot", tenantID: nil) == bot)
            try await fixture.add(StoreFixture.newChannel("a"), StoreFixture.newChannel("b"))
            try await warn(fixture, "a", "b")
            var report = StoreFixture.report(.sent)
            report.handle = "C1:1.2"
            #expect(try await fixture.deliver(report).map(\.thread) == [nil])
            try await fixture.event(.recovered, channel: "a")
            try await fixture.expand()
            #expect(
                try await fixture.deliver().map(\.thread) == [DeliveryThread(handle: "C1:1.2", openIncidents: 1)])
            try await fixture.event(.recovered, channel: "b")
            try await fixture.expand()
            #expect(
                try await fixture.deliver().map(\.thread) == [DeliveryThread(handle: "C1:1.2", openIncidents: 0)])
        }
    }

    @Test func `ten thousand channels fail in one tick: one message for each destination and kind`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook())
            try await fixture.store.put(StoreFixture.slack())
            try await fixture.store.put(StoreFixture.email(recipients: ["a@example.org", "b@example.org"]))
            for page in 0..<20 {
                try await fixture.store.insert(
                    (0..<500).map { StoreFixture.newChannel(ChannelID(rawValue: "c\(page * 500 + $0)")) },
                    replacing: false, actor: "test")
            }
            func all(_ kind: String) async throws {
                _ = try await fixture.row(
                    """
                    WITH e AS (INSERT INTO event (channel_id, kind, reason)
                               SELECT id, '\(kind)', 'reauthorization_required' FROM channels RETURNING id)
                    SELECT count(*) FROM e
                    """)
            }
            let clock = ContinuousClock()
            try await all("warning")
            // Longer than the storm lasts on a busy machine.
            let patient = RelayRules(groupWait: .seconds(600))
            let opening = try await clock.measure { try await fixture.expand(patient) }
            #expect(opening < .seconds(60))
            #expect(try await fixture.count("incidents") == 10000)
            // Two webhooks and two mail addresses: four receivers, one message each.
            #expect(try await fixture.count("deliveries") == 4)
            _ = try await fixture.row("UPDATE deliveries SET run_at = now() RETURNING id")
            let claimed = try await fixture.deliver()
            #expect(claimed.map(\.total) == [10000, 10000, 10000, 10000])
            #expect(claimed.map(\.incidents.count) == [100, 100, 100, 100])
            try await fixture.pass(hours: 25)
            let reminding = try await clock.measure { try await fixture.keepCadence(patient) }
            #expect(reminding < .seconds(60))
            #expect(try await fixture.count("deliveries WHERE kind = 'reminder'") == 4)
            _ = try await fixture.row(
                """
                WITH d AS (UPDATE deliveries SET run_at = now() WHERE state = 'pending' RETURNING id)
                UPDATE destinations SET paced_until = NULL RETURNING (SELECT count(*) FROM d)
                """)
            try await fixture.deliver()
            try await all("recovered")
            let closing = try await clock.measure { try await fixture.expand(patient) }
            #expect(closing < .seconds(60))
            #expect(try await fixture.count("deliveries WHERE kind = 'recovered'") == 4)
            print("10,000 channels: opened in \(opening), reminded in \(reminding), closed in \(closing)")
        }
    }
}
