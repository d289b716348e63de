import Domain
import FoundationEssentials
import Postgres
import Store
import TestSupport
import Testing

@Suite("Events become incidents") struct RelayIncidentTests {
    @Test func `a warning opens one incident and one delivery for each receiver`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook())
            try await fixture.store.put(StoreFixture.email(recipients: ["a@example.org", "b@example.org"]))
            try await fixture.add(StoreFixture.newChannel("c"))
            try await fixture.event(.warning, channel: "c")
            try await fixture.event(.warning, channel: "c")
            try await fixture.expand()
            #expect(try await fixture.openIncidents() == ["c reauthorization_required"])
            let claimed = try await fixture.claim()
            #expect(claimed.map(\.recipient).sorted() == ["", "a@example.org", "b@example.org"])
            let facts = try #require(claimed.first?.incidents.first)
            #expect(facts.displayName == "Shop c")
            #expect(facts.severity == .critical)
            #expect(facts.message == "It failed for a test.")
            #expect(facts.deadline != nil)
            #expect(try await fixture.count("event WHERE expanded_at IS NULL") == 0)
            #expect(try await fixture.store.openIncident(of: "c")?.members == ["c"])
        }
    }

    @Test func `the verdict that flags a channel is relayed without touching its rows`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook())
            try await fixture.add(StoreFixture.newChannel("c"))
            let claim = try #require(try await fixture.claimOne("c"))
            _ = try await fixture.store.complete([
                fixture.failure(claim, .reauthorizationRequired, due: nil, warning: .reauthorizationRequired)
            ])
            let holder = try await fixture.database.connect()
            try await holder.execute("BEGIN; SELECT * FROM schedule s JOIN credentials k USING (channel_id) FOR UPDATE")
            try await fixture.expand()
            #expect(try await fixture.claim().count == 1)
            try await holder.execute("ROLLBACK")
            await holder.close()
        }
    }

    @Test func `a thousand warnings are one message for each destination`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook())
            try await fixture.store.put(StoreFixture.slack())
            try await fixture.store.insert(
                (0..<1000).map { StoreFixture.newChannel(ChannelID(rawValue: "c\($0)")) }, replacing: false,
                actor: "test")
            _ = try await fixture.row(
                """
                WITH e AS (INSERT INTO event (channel_id, kind, reason)
                           SELECT id, 'warning', 'reauthorization_required' FROM channels RETURNING id)
                SELECT count(*) FROM e
                """)
            try await fixture.expand(RelayRules(groupWait: .seconds(30)))
            #expect(try await fixture.claim().isEmpty)
            #expect(try await fixture.count("deliveries") == 2)
            _ = try await fixture.row("UPDATE deliveries SET run_at = now() RETURNING id")
            let claimed = try await fixture.claim()
            #expect(claimed.map(\.total) == [1000, 1000])
            #expect(claimed.map(\.incidents.count) == [100, 100])
            #expect(try await fixture.store.relayTotals().openIncidents[.critical] == 1000)
        }
    }

    @Test func `four replicas expand each event once and in order`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook())
            try await fixture.store.insert(
                (0..<50).map { StoreFixture.newChannel(ChannelID(rawValue: "c\($0)")) }, replacing: false, actor: "test"
            )
            for kind in ["warning", "recovered", "warning"] {
                _ = try await fixture.row(
                    """
                    WITH e AS (INSERT INTO event (channel_id, kind, reason)
                               SELECT id, '\(kind)', 'reauthorization_required' FROM channels RETURNING id)
                    SELECT count(*) FROM e
                    """)
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { try await fixture.expand() } }
                try await group.waitForAll()
            }
            try await fixture.expand()
            #expect(try await fixture.count("incidents") == 100)
            #expect(try await fixture.count("incidents WHERE closed_at IS NULL") == 50)
            #expect(try await fixture.count("incidents WHERE members <> (closed_at IS NULL)::int") == 0)
        }
    }

    @Test func `an event the database refuses is set aside and the next ones go on`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook())
            try await fixture.add(StoreFixture.newChannel("c"))
            // Too long for the index of open causes, and not to be compressed.
            let long = (0..<2000).map { _ in String(UInt32.random(in: 0 ... .max), radix: 36) }.joined()
            try await fixture.event(.appRejected, app: long)
            _ = try await fixture.row("INSERT INTO event (kind) VALUES ('of a newer version') RETURNING id")
            try await fixture.event(.warning, channel: "c")
            try await fixture.event(.warning, channel: "gone")
            try await fixture.expand()
            #expect(try await fixture.openIncidents() == ["c reauthorization_required"])
            #expect(try await fixture.count("event WHERE fault IS NOT NULL") == 1)
            #expect(try await fixture.count("event WHERE expanded_at IS NULL") == 0)
        }
    }

    @Test func `a refused event is found in a few turns among many`() async throws {
        try await StoreFixture.with { fixture in
            let long = (0..<2000).map { _ in String(UInt32.random(in: 0 ... .max), radix: 36) }.joined()
            for number in 1...80 { try await fixture.event(.appRejected, app: number == 60 ? long : "app-\(number)") }
            var turns = 0
            while try await fixture.store.expandEvents(limit: 1000, rules: StoreFixture.rules, claiming: nil).remainder
                == .some
            {
                turns += 1
            }
            #expect(turns <= 10)
            #expect(try await fixture.count("event WHERE fault IS NOT NULL") == 1)
            #expect(try await fixture.openIncidents().count == 79)
        }
    }

    @Test func `who has no turn says so and changes nothing`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.event(.appRejected, app: "app")
            try await fixture.store.pool.transaction { connection in
                try await connection.query(
                    "SELECT pg_advisory_xact_lock(7246110520000000 + 'event'::regclass::oid::int8)")
                let expanded = try await fixture.store.expandEvents(
                    limit: 1000, rules: StoreFixture.rules, claiming: nil)
                #expect(expanded.remainder == .elsewhere)
                #expect(expanded.events == 0)
            }
            #expect(try await fixture.count("event WHERE expanded_at IS NULL") == 1)
        }
    }

    @Test func `under an app incident channels open in silence and speak when it ends`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook())
            try await fixture.add(
                StoreFixture.newChannel("told"), StoreFixture.newChannel("waits"), StoreFixture.newChannel("heals"))
            try await fixture.event(.warning, channel: "told")
            try await fixture.expand()
            try await fixture.deliver()
            // Not sent yet when the app's incident opens.
            try await fixture.event(.warning, channel: "waits")
            try await fixture.event(.appRejected, app: "oauth2")
            try await fixture.event(.warning, channel: "heals")
            try await fixture.expand()
            let app = try await fixture.deliver()
            #expect(app.map(\.messageType) == [.appRejected])
            #expect(app.first?.incidents.map(\.channels) == [3])
            // One that was told recovers meanwhile, and one that was not.
            try await fixture.event(.recovered, channel: "told")
            try await fixture.event(.recovered, channel: "heals")
            try await fixture.expand()
            let recovered = try await fixture.deliver()
            #expect(recovered.flatMap(\.incidents).map(\.cause.id) == ["told"])
            try await fixture.event(.appRecovered, app: "oauth2")
            try await fixture.expand()
            let after = try await fixture.deliver()
            #expect(Set(after.map(\.messageType)) == [.appRecovered, .channelReauthorizationRequired])
            #expect(
                after.filter { $0.messageType == .channelReauthorizationRequired }.flatMap(\.incidents).map(\.cause.id)
                    == ["waits"])
            #expect(try await fixture.openIncidents() == ["waits reauthorization_required"])
        }
    }

    @Test func `a failing refresh is told late, and not at all when something graver comes`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook())
            try await fixture.add(StoreFixture.newChannel("a"), StoreFixture.newChannel("b"))
            try await fixture.event(.warning, channel: "a", reason: .refreshFailing)
            try await fixture.event(.warning, channel: "b", reason: .refreshFailing)
            try await fixture.expand()
            #expect(try await fixture.claim().isEmpty)
            #expect(try await fixture.count("deliveries") == 1)
            try await fixture.event(.warning, channel: "a")
            try await fixture.event(.recovered, channel: "b")
            try await fixture.expand()
            #expect(try await fixture.openIncidents() == ["a reauthorization_required"])
            #expect(try await fixture.deliver().map(\.messageType) == [.channelReauthorizationRequired])
            #expect(try await fixture.deliveryStates().sorted() == ["opened sent", "opened suppressed"])
        }
    }

    @Test func `a channel whose two reasons were told recovers from both in one message`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook())
            try await fixture.add(StoreFixture.newChannel("a"))
            try await fixture.event(.warning, channel: "a", reason: .suspended)
            try await fixture.expand()
            try await fixture.deliver()
            try await fixture.event(.warning, channel: "a")
            try await fixture.expand()
            try await fixture.deliver()
            #expect(try await fixture.openIncidents().count == 2)
            try await fixture.event(.recovered, channel: "a")
            try await fixture.expand()
            let recovered = try await fixture.deliver()
            #expect(recovered.map(\.total) == [1])
            #expect(recovered.map(\.incidents.count) == [2])
            #expect(try await fixture.openIncidents().isEmpty)
        }
    }
}
