import Domain
import FoundationEssentials
import Postgres
import Store
import Testing

@Suite("Verdicts about apps")
struct AppVerdictTests {
    private func events(_ fixture: StoreFixture) async throws -> [String] {
        try await fixture.store.pool.withConnection { connection in
            try await connection.query(
                "SELECT kind || ' ' || reason AS news FROM event WHERE app_id IS NOT NULL ORDER BY id")
        }.rows.map { try $0.text("news") }
    }

    private func standing(_ fixture: StoreFixture) async throws -> AppStanding? {
        try await fixture.store.troubledApps()["oauth2"]
    }

    private func deny(_ fixture: StoreFixture, _ ids: ChannelID..., due: Date = Date() + 3600) async throws {
        for id in ids {
            let claim = try #require(try await fixture.claimOne(id))
            var failure = fixture.failure(claim, .reauthorizationRequired, due: due)
            failure.denials = 2
            #expect(try await fixture.store.complete([failure]) == [.stored])
        }
    }

    private func age(_ fixture: StoreFixture, minutes: Int) async throws {
        _ = try await fixture.row(
            """
            UPDATE apps SET held_since = held_since - interval '\(minutes) minutes',
                   hold_probe_at = hold_probe_at - interval '\(minutes) minutes',
                   released_at = released_at - interval '\(minutes) minutes' RETURNING 1
            """)
    }

    @Test func `each state that people should know of begins and ends with one event`() async throws {
        try await StoreFixture.with { fixture in
            for state in [AppState.suspect, .ok, .degraded, .degraded, .ok, .degraded, .paused, .suspect, .paused, .ok]
            {
                try await fixture.store.setApp("oauth2", state: state, reason: "test", channel: nil)
            }
            #expect(
                try await events(fixture) == [
                    "provider_degraded degraded", "provider_recovered degraded", "provider_degraded degraded",
                    "provider_recovered degraded", "app_rejected app_rejected", "app_recovered app_rejected",
                    "app_rejected app_rejected", "app_recovered app_rejected",
                ])
        }
    }

    @Test func `a hold begins once, asks a channel of each tenant, and makes the denied due at its end`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            try await fixture.add(
                StoreFixture.newChannel("a1", tenant: "a"), StoreFixture.newChannel("a2", tenant: "a"),
                StoreFixture.newChannel("b1", tenant: "b"), StoreFixture.newChannel("c1", tenant: "c"))
            try await deny(fixture, "a1", "a2", "b1")
            for _ in 0..<2 {
                try await store.holdVerdicts(of: "oauth2", canariesAfter: .seconds(900), channel: "a1")
            }
            #expect(try await standing(fixture)?.heldSince != nil)
            func turn() async throws -> HoldTurn {
                try await store.takeHoldTurn(of: "oauth2", every: .seconds(60), atMost: .seconds(3600))
            }
            #expect(try await turn() == .none, "the canaries wait")
            try await age(fixture, minutes: 16)
            guard case .canaries(let canaries) = try await turn() else {
                Issue.record("no canaries")
                return
            }
            #expect(canaries.count == 2 && canaries.contains("b1"))
            #expect(try await turn() == .none, "one replica's turn")
            try await age(fixture, minutes: 60)
            #expect(try await turn() == .overdue)
            try await store.releaseVerdicts(of: "oauth2", because: "It is over.")
            try await store.releaseVerdicts(of: "oauth2", because: "It is over.")
            #expect(
                try await fixture.count("schedule WHERE denials > 0 AND due_at <= now() + interval '5 seconds'") == 3)
            let after = try #require(try await standing(fixture))
            #expect(after.heldSince == nil && after.releasedAt != nil && after.state == .ok)
            try await store.holdVerdicts(of: "oauth2", canariesAfter: .seconds(900), channel: "a1")
            #expect(try await standing(fixture)?.heldSince == nil, "no second hold within the hour")
            #expect(try await events(fixture) == ["app_rejected grants_denied", "app_recovered grants_denied"])
        }
    }

    @Test func `tenants are counted up to two, without those that left`() async throws {
        try await StoreFixture.with { fixture in
            #expect(try await fixture.store.tenants(of: "oauth2") == 0)
            try await fixture.add(
                StoreFixture.newChannel("a1", tenant: "a"), StoreFixture.newChannel("b1", tenant: "b"))
            #expect(try await fixture.store.tenants(of: "oauth2") == 2)
            _ = try await fixture.store.disconnect("b1", tenantID: nil, purge: false, actor: "test")
            #expect(try await fixture.store.tenants(of: "oauth2") == 1)
        }
    }

    @Test func `the canary of a suspect app is of another tenant where there is one`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(
                StoreFixture.newChannel("a1", tenant: "a"), StoreFixture.newChannel("a2", tenant: "a"),
                StoreFixture.newChannel("b1", tenant: "b"))
            let claim = try #require(try await fixture.claimOne("a2"))
            #expect(try await fixture.store.complete([fixture.success(claim)]) == [.stored])
            try await fixture.store.setApp("oauth2", state: .suspect, reason: "invalid_client", channel: "a1")
            #expect(try await fixture.store.takeProbe(of: "oauth2", every: .zero, excluding: "a1") == "b1")
            #expect(try await fixture.store.takeProbe(of: "oauth2", every: .zero, excluding: nil) == "a2")
        }
    }
}

@Suite("Incidents of apps and providers")
struct AppIncidentTests {
    @Test func `a degraded provider is one incident, and its channels speak when no parent is left`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.put(StoreFixture.webhook())
            try await fixture.add(StoreFixture.newChannel("waits"))
            try await fixture.event(.providerDegraded, app: "oauth2")
            try await fixture.event(.warning, channel: "waits")
            try await fixture.expand()
            #expect(try await fixture.deliver().map(\.messageType) == [.providerDegraded])
            try await fixture.event(.appRejected, app: "oauth2")
            try await fixture.event(.providerRecovered, app: "oauth2")
            try await fixture.expand()
            #expect(
                Set(try await fixture.deliver().map(\.messageType)) == [.appRejected, .providerRecovered],
                "the app's incident keeps the channel silent")
            try await fixture.event(.appRecovered, app: "oauth2")
            try await fixture.expand()
            #expect(
                Set(try await fixture.deliver().map(\.messageType)) == [.appRecovered, .channelReauthorizationRequired])
            #expect(try await fixture.openIncidents() == ["waits reauthorization_required"])
        }
    }
}
