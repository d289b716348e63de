import Domain
import FoundationEssentials
import Postgres
import Store
import Testing

@Suite("Completions")
struct CompletionTests {
    @Test func `I3 a renewal writes both rows and the next claim opens it`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a"))
            let claim = try #require(try await fixture.claimOne("a"))
            #expect(try await fixture.store.complete([fixture.success(claim)]) == [.stored])
            #expect(try await fixture.writtenAgree())
            let channel = try #require(try await fixture.store.channel("a", tenantID: nil))
            #expect(channel.epoch == 2 && channel.lastRefreshAt != nil && channel.lastOutcome == "renewed")
            let next = try #require(try await fixture.claimOne("a"))
            #expect(try next.credential.get().refreshToken == Secret("rt-1"))
        }
    }

    @Test func `I7 storing the same success twice equals once`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a"))
            let claim = try #require(try await fixture.claimOne("a"))
            let success = fixture.success(claim)
            #expect(try await fixture.store.complete([success]) == [.stored])
            #expect(try await fixture.store.complete([success]) == [.stored])
            #expect(try await fixture.store.channel("a", tenantID: nil)?.epoch == 2)
            #expect(try await fixture.count("audit WHERE outcome = 'renewed'") == 1)
        }
    }

    @Test func `a late success stores the pair and makes the channel due for the newest claim`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a"))
            let old = try #require(try await fixture.claimOne("a"))
            _ = try await fixture.row("UPDATE schedule SET lease_until = now() - interval '1 second' RETURNING 1")
            let taken = try #require(
                try await fixture.store.takeOver(provider: "oauth2", lease: .seconds(300), free: false, limit: 1).claims
                    .first)
            #expect(try await fixture.store.complete([fixture.success(old, refresh: "rt-late")]) == [.stored])
            let snapshot = try #require(try await fixture.store.snapshots(of: ["a"]).first)
            #expect(snapshot.isHeld && snapshot.doubt && snapshot.written == old.attempt)
            // The taker read an older token: its failure must not undo the late success.
            #expect(
                try await fixture.store.complete([
                    fixture.failure(taken, .reauthorizationRequired, due: nil, warning: .reauthorizationRequired)
                ])
                    == [.superseded])
            #expect(try await fixture.store.channel("a", tenantID: nil)?.status == .active)
        }
    }

    @Test func `I4 nothing of an old grant is written after a new one`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a"))
            let claim = try #require(try await fixture.claimOne("a"))
            let grant = StoreFixture.newChannel("a", access: "at-new", refresh: "rt-new").grant
            #expect(try await fixture.store.replaceCredential(of: "a", tenantID: nil, with: grant, actor: "test"))
            #expect(try await fixture.store.complete([fixture.success(claim)]) == [.superseded])
            #expect(try await fixture.store.complete([fixture.failure(claim)]) == [.superseded])
            let next = try #require(try await fixture.claimOne("a"))
            #expect(try next.credential.get().refreshToken == Secret("rt-new"))
            #expect(try await fixture.writtenAgree())
        }
    }

    @Test func `I4 nothing is written to a disconnected channel`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a"))
            let claim = try #require(try await fixture.claimOne("a"))
            #expect(try await fixture.store.disconnect("a", tenantID: nil, purge: false, actor: "test") != nil)
            #expect(try await fixture.store.complete([fixture.success(claim)]) == [.superseded])
            #expect(try await fixture.claimOne("a") == nil)
            #expect(try await fixture.writtenAgree())
        }
    }

    @Test func `I12 a verdict flags, writes one event, and a renewal clears it with another`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a"))
            let claim = try #require(try await fixture.claimOne("a"))
            let verdict = fixture.failure(claim, .reauthorizationRequired, due: nil, warning: .reauthorizationRequired)
            #expect(try await fixture.store.complete([verdict]) == [.stored])
            #expect(try await fixture.store.complete([verdict]) == [.stored])
            #expect(try await fixture.count("event WHERE kind = 'warning'") == 1)
            var channel = try #require(try await fixture.store.channel("a", tenantID: nil))
            #expect(channel.status == .warning && channel.warning?.reason == .reauthorizationRequired)
            #expect(channel.warning?.code == "test_code" && channel.nextRefreshAt == nil)

            let retry = try #require(try await fixture.claimOne("a"))
            #expect(try await fixture.store.complete([fixture.success(retry)]) == [.stored])
            channel = try #require(try await fixture.store.channel("a", tenantID: nil))
            #expect(channel.status == .active && channel.warning == nil)
            #expect(try await fixture.count("event WHERE kind = 'recovered'") == 1)
            #expect(try await fixture.count("conditions") == 0)
        }
    }

    @Test func `I10 one row the database refuses does not take its batch with it`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(
                StoreFixture.newChannel("a"), StoreFixture.newChannel("b"), StoreFixture.newChannel("c"))
            var successes: [StoredSuccess] = []
            for id in ["a", "b", "c"] as [ChannelID] {
                successes.append(fixture.success(try #require(try await fixture.claimOne(id))))
            }
            successes[1].actor = "nul\u{0}byte"
            let results = try await fixture.store.complete(successes)
            #expect(results[0] == .stored && results[2] == .stored)
            guard case .refused = results[1] else {
                Issue.record("expected the row with NUL to be refused, got \(results[1])")
                return
            }
        }
    }

    @Test func `a pause while a refresh runs keeps the pair and stays paused`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a"))
            let claim = try #require(try await fixture.claimOne("a"))
            #expect(try await fixture.store.pause("a", tenantID: nil, actor: "test"))
            #expect(try await fixture.store.complete([fixture.success(claim)]) == [.stored])
            let snapshot = try #require(try await fixture.store.snapshots(of: ["a"]).first)
            #expect(snapshot.status == .paused && snapshot.dueAt == nil && !snapshot.isHeld)
            #expect(try await fixture.store.resume("a", tenantID: nil, actor: "test"))
            #expect(try await fixture.store.snapshots(of: ["a"]).first?.dueAt != nil)
        }
    }

    @Test func `a missing refresh token's end is kept where the answer says nothing of it`() async throws {
        try await StoreFixture.with { fixture in
            var new = StoreFixture.newChannel("a")
            new.grant.refreshExpiresAt = Date(timeIntervalSince1970: 2_000_000_000)
            try await fixture.add(new)
            var success = fixture.success(try #require(try await fixture.claimOne("a")))
            success.keepsRefreshExpiry = true
            #expect(try await fixture.store.complete([success]) == [.stored])
            #expect(
                try await fixture.store.channel("a", tenantID: nil)?.refreshExpiresAt
                    == Date(timeIntervalSince1970: 2_000_000_000))
        }
    }

    @Test func `not extended sets the warning once and a moved expiry does not clear it`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a"))
            var success = fixture.success(try #require(try await fixture.claimOne("a")))
            success.outcome = .notExtended
            #expect(try await fixture.store.complete([success]) == [.stored])
            #expect(try await fixture.store.channel("a", tenantID: nil)?.warning?.reason == .notExtended)
            let next = fixture.success(try #require(try await fixture.claimOne("a")))
            #expect(try await fixture.store.complete([next]) == [.stored])
            #expect(try await fixture.store.channel("a", tenantID: nil)?.status == .warning)
            #expect(try await fixture.count("event") == 1)
        }
    }
}
