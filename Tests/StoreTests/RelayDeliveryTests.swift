import Domain
import FoundationEssentials
import Postgres
import Store
import TestSupport
import Testing

@Suite("Deliveries") struct RelayDeliveryTests {
    private func opened(
        _ destinations: Destination..., channels: [ChannelID] = ["a"],
        _ body: (StoreFixture) async throws -> Void
    ) async throws {
        try await StoreFixture.with { fixture in
            for destination in destinations { try await fixture.store.put(destination) }
            for channel in channels {
                try await fixture.add(StoreFixture.newChannel(channel))
                try await fixture.event(.warning, channel: channel.rawValue)
            }
            try await fixture.expand()
            try await body(fixture)
        }
    }

    private func recover(_ fixture: StoreFixture, _ channel: String = "a") async throws {
        try await fixture.event(.recovered, channel: channel)
        try await fixture.expand()
    }

    @Test func `I13 recovered follows an opened that was sent`() async throws {
        try await opened(StoreFixture.webhook()) { fixture in
            try await fixture.deliver()
            try await recover(fixture)
            let recovered = try await fixture.deliver()
            #expect(recovered.map(\.messageKind) == [.recovered])
            #expect(try await fixture.deliveryStates() == ["opened sent", "recovered sent"])
        }
    }

    @Test func `I13 an opened that never left takes its recovered with it`() async throws {
        try await opened(StoreFixture.webhook()) { fixture in
            try await recover(fixture)
            #expect(try await fixture.claim().isEmpty)
            #expect(try await fixture.deliveryStates() == ["opened suppressed"])
        }
    }

    @Test func `a group loses the incident that ended before it was sent`() async throws {
        try await opened(StoreFixture.webhook(), channels: ["a", "b"]) { fixture in
            try await recover(fixture)
            let claimed = try await fixture.deliver()
            #expect(claimed.flatMap(\.incidents).map(\.cause.id) == ["b"])
            #expect(claimed.map(\.total) == [1])
            try await recover(fixture, "b")
            #expect(try await fixture.deliver().flatMap(\.incidents).map(\.cause.id) == ["b"])
        }
    }

    @Test(arguments: [true, false])
    func `recovered waits for an opened on its way, and follows if it may have arrived`(_ mayHave: Bool) async throws {
        try await opened(StoreFixture.webhook()) { fixture in
            let opened = try #require(try await fixture.claim().first)
            try await recover(fixture)
            #expect(try await fixture.claim().isEmpty)
            _ = try await fixture.store.finish(
                opened.claim, StoreFixture.report(.dead, maybeArrived: mayHave))
            let recovered = try await fixture.deliver()
            #expect(recovered.map(\.messageKind) == (mayHave ? [.recovered] : []))
            #expect(
                try await fixture.deliveryStates() == [
                    "opened dead", mayHave ? "recovered sent" : "recovered suppressed",
                ]
            )
        }
    }

    @Test(arguments: [true, false])
    func `an opened that waits for its next try is suppressed by the end`(_ mayHave: Bool) async throws {
        try await opened(StoreFixture.webhook()) { fixture in
            try await fixture.deliver(StoreFixture.report(.retry(after: .seconds(600)), maybeArrived: mayHave))
            try await recover(fixture)
            #expect(try await fixture.deliver().map(\.messageKind) == (mayHave ? [.recovered] : []))
            #expect(
                try await fixture.deliveryStates()
                    == (mayHave ? ["opened suppressed", "recovered sent"] : ["opened suppressed"])
            )
        }
    }

    @Test func `a lease that runs out sends the same message again, and the first owner is fenced off`() async throws {
        try await opened(StoreFixture.webhook()) { fixture in
            let first = try #require(try await fixture.claim(content: "same").first)
            #expect(try await fixture.claim().isEmpty)
            _ = try await fixture.row(
                "UPDATE deliveries SET lease_until = now() - interval '1 s', run_at = now() RETURNING id")
            let second = try #require(try await fixture.claim(content: "other").first)
            #expect(second.claim.deliveryID == first.claim.deliveryID)
            #expect(second.claim.claimID != first.claim.claimID)
            #expect(second.content == Array("same".utf8))
            #expect(second.tries == 2)
            #expect(try await fixture.store.finish(first.claim, StoreFixture.report(.dead)) == false)
            #expect(try await fixture.store.finish(second.claim, StoreFixture.report(.sent)))
            let record = try #require(try await fixture.store.deliveries(DeliveryQuery()).first)
            #expect(record.state == .sent)
            #expect(record.maybeArrived)
            #expect(record.attempts == 2)
        }
    }

    @Test func `a failed try comes back when it is due and leaves a trace`() async throws {
        try await opened(StoreFixture.webhook()) { fixture in
            try await fixture.deliver(StoreFixture.report(.retry(after: .seconds(600))))
            #expect(try await fixture.claim().isEmpty)
            _ = try await fixture.row("UPDATE deliveries SET run_at = now() RETURNING id")
            #expect(try await fixture.deliver().map(\.tries) == [2])
            let record = try #require(try await fixture.store.deliveries(DeliveryQuery()).first)
            let attempts = try #require(try await fixture.store.delivery(record.id, tenantID: nil)).1
            #expect(attempts.map(\.number) == [1, 2])
            #expect(attempts.map(\.outcome) == ["retried", "sent"])
            #expect(attempts.map(\.code) == ["500", "200"], "\(attempts)")
        }
    }

    @Test func `an empty claim says whether something due was left`() async throws {
        try await opened(StoreFixture.webhook()) { fixture in
            let terms = ClaimTerms(limit: 10, limits: StoreFixture.limits) { _ in [] }
            try await fixture.store.pool.transaction { connection in
                try await connection.query("SELECT id FROM destinations FOR NO KEY UPDATE")
                let elsewhere = try await fixture.store.claimDeliveries(terms, lane: .sound)
                #expect(elsewhere.deliveries.isEmpty && elsewhere.leavesDue)
            }
            #expect(try await fixture.deliver().count == 1)
            let over = try await fixture.store.claimDeliveries(terms, lane: .sound)
            #expect(over.deliveries.isEmpty && !over.leavesDue)
        }
    }

    @Test func `a claim that is given back does not count`() async throws {
        try await opened(StoreFixture.webhook()) { fixture in
            let claimed = try #require(try await fixture.claim().first)
            try await fixture.store.release(claimed.claim)
            let waiting = try #require(try await fixture.store.deliveries(DeliveryQuery()).first)
            #expect(waiting.state == .pending)
            #expect(waiting.attempts == 0)
            let again = try await fixture.claim(content: "other")
            #expect(again.map(\.tries) == [1])
            #expect(again.map(\.content) == [claimed.content], "What was frozen stays.")
        }
    }

    @Test func `Slack is paced, and a parked destination waits alone`() async throws {
        try await opened(StoreFixture.slack(), StoreFixture.webhook()) { fixture in
            #expect(try await fixture.claim().count == 2)
            try await fixture.add(StoreFixture.newChannel("b"))
            try await fixture.event(.warning, channel: "b")
            try await fixture.expand()
            let next = try await fixture.claim()
            #expect(next.map(\.destinationID) == ["hook"])
            _ = try await fixture.store.finish(
                next[0].claim, StoreFixture.report(.retry(after: .zero), park: .seconds(900)))
            #expect(try await fixture.claim().isEmpty)
            let hook = try #require(try await fixture.store.destinations(tenantID: nil).first { $0.id == "hook" })
            #expect(try #require(hook.parkedUntil) > Date() + 600)
        }
    }

    @Test func `a destination holds its own slots and no more`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook("slow"))
            try await fixture.store.put(StoreFixture.webhook("quick"))
            for number in 0..<10 {
                try await fixture.add(StoreFixture.newChannel(ChannelID(rawValue: "c\(number)")))
                try await fixture.event(.warning, channel: "c\(number)")
                // Each its own message.
                try await fixture.expand()
                _ = try await fixture.row("UPDATE deliveries SET run_at = now() - interval '1 s' RETURNING id")
            }
            var claimed = try await fixture.claim()
            #expect(claimed.count { $0.destinationID == "slow" } == 4)
            while claimed.contains(where: { $0.destinationID == "quick" }) {
                for delivery in claimed where delivery.destinationID == "quick" {
                    _ = try await fixture.store.finish(delivery.claim, StoreFixture.report(.sent))
                }
                claimed = try await fixture.claim()
            }
            #expect(try await fixture.count("deliveries WHERE destination_id = 'quick' AND state = 'sent'") == 10)
            #expect(try await fixture.count("deliveries WHERE destination_id = 'slow' AND state = 'sending'") == 4)
        }
    }

    @Test func `a fault is noted until the next success`() async throws {
        try await opened(StoreFixture.webhook(), channels: ["a"]) { fixture in
            try await fixture.deliver(StoreFixture.report(.dead, degrades: true))
            #expect(try await fixture.store.destinations(tenantID: nil).first?.fault != nil)
            #expect(try await fixture.store.relayTotals().dead == 1)
            let dead = try #require(try await fixture.store.deliveries(DeliveryQuery(state: .dead)).first)
            #expect(try await fixture.store.replay(dead.id, tenantID: "other") == .notFound)
            #expect(try await fixture.store.replay(dead.id, tenantID: nil) == .queued)
            let again = try await fixture.deliver()
            #expect(again.map(\.claim.deliveryID) == [dead.id])
            #expect(again.map(\.tries) == [1])
            #expect(try await fixture.store.destinations(tenantID: nil).first?.fault == nil)
            #expect(try await fixture.store.replay(dead.id, tenantID: nil) == .notDead(.sent))
        }
    }

    @Test func `the opening of what has ended is not replayed, and old rows are deleted`() async throws {
        try await opened(StoreFixture.webhook()) { fixture in
            try await fixture.deliver(StoreFixture.report(.dead))
            try await recover(fixture)
            let dead = try #require(try await fixture.store.deliveries(DeliveryQuery(state: .dead)).first)
            #expect(try await fixture.store.replay(dead.id, tenantID: nil) == .incidentClosed)
            #expect(try await fixture.store.purgeRelay(before: Date() - 3600) == 0)
            #expect(try await fixture.store.purgeRelay(before: Date() + 3600) > 0)
            // What is left is that the destination gave a message up.
            #expect(try await fixture.openIncidents() == ["hook destination_degraded"])
            #expect(try await fixture.count("incidents") == 1)
            #expect(try await fixture.count("event") == 0)
        }
    }
}

@Suite("Destinations") struct RelayDestinationTests {
    @Test func `a destination comes back as it was stored, and its secrets are sealed`() async throws {
        try await StoreFixture.with { fixture in
            let match = DestinationMatch(tenants: ["acme"], providers: ["oauth2"], minimumSeverity: .warning)
            var destinations = [
                StoreFixture.webhook(match: match), StoreFixture.slack(),
                StoreFixture.email(recipients: ["a@example.org"]),
            ]
            for destination in destinations {
                try await fixture.store.put(destination)
                #expect(try await fixture.store.destination(destination.id, tenantID: nil) == destination)
            }
            destinations[0].name = "Other"
            try await fixture.store.put(destinations[0])
            #expect(try await fixture.store.destination("hook", tenantID: nil) == destinations[0])
            let dump = try #require(
                try await fixture.row(
                    "SELECT string_agg(d::text || encode(sealed, 'escape'), ' ') AS all FROM destinations d"))
            #expect(try !dump.text("all").contains("canary"))
        }
    }

    @Test func `a tenant has its own destinations, told of its own incidents`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook("ours", tenant: nil))
            try await fixture.store.put(StoreFixture.webhook("acme", tenant: "acme", isDefault: false))
            #expect(try await fixture.store.destinations(tenantID: "acme").map(\.id) == ["acme"])
            #expect(try await fixture.store.destination("ours", tenantID: "acme") == nil)
            #expect(try await fixture.store.removeDestination("ours", tenantID: "acme") == false)
            try await fixture.add(
                StoreFixture.newChannel("a", tenant: "acme"), StoreFixture.newChannel("b", tenant: "other"))
            try await fixture.event(.warning, channel: "a")
            try await fixture.event(.warning, channel: "b")
            try await fixture.expand()
            let claimed = try await fixture.claim()
            #expect(
                Dictionary(uniqueKeysWithValues: claimed.map { ($0.destinationID, $0.incidents.map(\.cause.id)) })
                    == ["ours": ["b"], "acme": ["a"]])
            #expect(try await fixture.store.incidents(IncidentQuery(tenantID: "acme")).map(\.cause.id) == ["a"])
            #expect(try await fixture.store.deliveries(DeliveryQuery(tenantID: "acme")).count == 1)
        }
    }

    @Test func `a removed destination is gone with what waited for it`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook())
            try await fixture.add(StoreFixture.newChannel("a"))
            try await fixture.event(.warning, channel: "a")
            try await fixture.expand()
            #expect(try await fixture.store.removeDestination("hook", tenantID: nil))
            #expect(try await fixture.store.removeDestination("hook", tenantID: nil) == false)
            #expect(try await fixture.claim().isEmpty)
            #expect(try await fixture.store.relayTotals().pending == 0)
            try await fixture.store.put(StoreFixture.webhook())
            #expect(try await fixture.store.destinations(tenantID: nil).map(\.id) == ["hook"])
        }
    }

    @Test func `a sealed value moved to another row does not open`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook("a"))
            try await fixture.store.put(StoreFixture.webhook("b"))
            _ = try await fixture.row(
                "UPDATE destinations SET sealed = (SELECT sealed FROM destinations WHERE id = 'b') RETURNING id")
            await #expect(throws: SealedCredentialFault.unreadable) {
                try await fixture.store.destination("a", tenantID: nil)
            }
            try await fixture.add(StoreFixture.newChannel("c"))
            try await fixture.event(.warning, channel: "c")
            try await fixture.expand()
            let claimed = try await fixture.claim()
            let a = try #require(claimed.first { $0.destinationID == "a" })
            #expect(throws: SealedCredentialFault.unreadable) { try a.configuration.get() }
            #expect(throws: Never.self) { try claimed.first { $0.destinationID == "b" }?.configuration.get() }
        }
    }
}
