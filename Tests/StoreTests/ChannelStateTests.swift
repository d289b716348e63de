import Domain
import FoundationEssentials
import Postgres
import Store
import Testing

/// What people do to a channel while a replica holds it.
@Suite("Channel states")
struct ChannelStateTests {
    @Test func `I16 a held channel that is resumed is found again when its holder dies`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            try await fixture.flag("a", .reauthorizationRequired)
            _ = try #require(try await fixture.claimOne("a"))
            #expect(try await store.pause("a", tenantID: nil, actor: "test"))
            #expect(try await store.resume("a", tenantID: nil, actor: "test"))
            _ = try await fixture.row("UPDATE schedule SET lease_until = now() - interval '1 second' RETURNING 1")
            let taken = try await store.takeOver(provider: "oauth2", lease: .seconds(300), free: false, limit: 1)
            #expect(taken.claims.map(\.channelID) == ["a"])
        }
    }

    @Test func `I16 a late success of a paused channel leaves it where a dead holder's claim is found`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            try await fixture.add(StoreFixture.newChannel("a"))
            let old = try #require(try await fixture.claimOne("a"))
            let expire = "UPDATE schedule SET lease_until = now() - interval '1 second' RETURNING 1"
            _ = try await fixture.row(expire)
            _ = try await store.takeOver(provider: "oauth2", lease: .seconds(300), free: false, limit: 1)
            #expect(try await store.pause("a", tenantID: nil, actor: "test"))
            #expect(try await store.complete([fixture.success(old)]) == [.stored])
            _ = try await fixture.row(expire)
            let taken = try await store.takeOver(provider: "oauth2", lease: .seconds(300), free: false, limit: 1)
            let claim = try #require(taken.claims.first)
            try await store.release([(claim.key, nil)])
            let snapshot = try #require(try await store.snapshots(of: ["a"]).first)
            #expect(snapshot.status == .paused && snapshot.dueAt == nil && !snapshot.isHeld)
        }
    }

    @Test func `a late success of a paused channel that nobody holds leaves it parked`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            try await fixture.add(StoreFixture.newChannel("a"))
            let old = try #require(try await fixture.claimOne("a"))
            try await store.release([(old.key, Date())])
            let newer = try #require(try await fixture.claimOne("a"))
            try await store.release([(newer.key, Date())])
            #expect(try await store.pause("a", tenantID: nil, actor: "test"))
            #expect(try await store.complete([fixture.success(old)]) == [.stored])
            #expect(try await store.snapshots(of: ["a"]).first?.dueAt == nil)
        }
    }

    @Test func `a claim by id carries the time from before, so that a release may return to it`() async throws {
        try await StoreFixture.with { fixture in
            let due = Date(timeIntervalSince1970: 4_000_000_000)
            try await fixture.add(StoreFixture.newChannel("a", due: due), StoreFixture.newChannel("b", due: nil))
            #expect(try await fixture.claimOne("a")?.dueAt == due)
            let never = try #require(try await fixture.claimOne("b"))
            #expect(never.dueAt == nil)
            try await fixture.store.release([(never.key, never.dueAt)])
            #expect(try await fixture.store.snapshots(of: ["b"]).first?.dueAt == nil)
        }
    }

    @Test(arguments: ["disconnect", "replace"])
    func `I12 the end of a warning is told also when the channel was paused`(_ way: String) async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            try await fixture.flag("a", .refreshFailing)
            #expect(try await store.pause("a", tenantID: nil, actor: "test"))
            if way == "disconnect" {
                #expect(try await store.disconnect("a", tenantID: nil, purge: false, actor: "test") != nil)
            } else {
                let grant = StoreFixture.newChannel("a").grant
                #expect(try await store.replaceCredential(of: "a", tenantID: nil, with: grant, actor: "test"))
            }
            #expect(try await fixture.count("event WHERE kind = 'recovered' AND reason = 'refresh_failing'") == 1)
        }
    }

    @Test func `what a renewal leaves of a warning names the newest outcome`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.flag("a", .scopeMissing)
            let claim = try #require(try await fixture.claimOne("a"))
            #expect(try await fixture.store.complete([fixture.success(claim)]) == [.stored])
            let channel = try #require(try await fixture.store.channel("a", tenantID: nil))
            #expect(channel.warning?.reason == .scopeMissing && channel.warning?.code == "test_code")
            #expect(channel.lastOutcome == "renewed" && channel.lastError == nil)
            // Only a new grant clears it, and until then the loop leaves it alone.
            #expect(channel.nextRefreshAt == nil)
        }
    }

    @Test func `I7 settling an old answer again after a newer renewal writes nothing`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a"))
            let first = fixture.success(try #require(try await fixture.claimOne("a")))
            #expect(try await fixture.store.complete([first]) == [.stored])
            let second = fixture.success(try #require(try await fixture.claimOne("a")), refresh: "rt-2")
            #expect(try await fixture.store.complete([second]) == [.stored])
            let audits = try await fixture.count("audit")
            #expect(try await fixture.store.complete([first]) == [.stored])
            #expect(try await fixture.count("audit") == audits)
            #expect(try await fixture.store.token(of: "a", tenantID: nil)?.credential.refreshToken == Secret("rt-2"))
        }
    }

    @Test func `a purge forgets that there was a refresh token`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a"))
            #expect(try await fixture.store.disconnect("a", tenantID: nil, purge: true, actor: "test") != nil)
            #expect(try await fixture.store.channel("a", tenantID: nil)?.hasRefreshToken == false)
        }
    }

    @Test func `two imports of the same channel at once end as one channel and one refusal by name`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            let outcomes = await withTaskGroup(of: String.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        do {
                            try await store.insert(
                                [StoreFixture.newChannel("a")], replacing: false, actor: "test")
                            return "inserted"
                        } catch {
                            return "\(error)"
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.count { $0 == "inserted" } == 1)
            #expect(outcomes.count { $0 == "\(ChannelDirectoryError.exists(["a"]))" } == 3)
        }
    }

    @Test func `totals follow a change of provider, deletions and a truncation`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            try await fixture.add(
                StoreFixture.newChannel("a"), StoreFixture.newChannel("b"), StoreFixture.newChannel("c"))
            try await store.insert(
                [StoreFixture.newChannel("a", provider: "amocrm")], replacing: true, actor: "test")
            _ = try await fixture.row("DELETE FROM channels WHERE id = 'b' RETURNING 1")
            #expect(
                try await store.totals().providers.mapValues(\.counts) == [
                    "oauth2": [.active: 1], "amocrm": [.active: 1],
                ])
            _ = try await store.pool.withConnection { try await $0.execute("TRUNCATE channels CASCADE") }
            #expect(try await store.totals().providers.isEmpty)
        }
    }
}

extension StoreFixture {
    /// Adds a channel and sets the warning as a verdict does.
    fileprivate func flag(_ id: ChannelID, _ reason: WarningReason) async throws {
        try await add(Self.newChannel(id))
        guard let claim = try await claimOne(id) else { return }
        _ = try await store.complete([
            failure(claim, .unclassified, due: reason.parks ? nil : Date() + 60, warning: reason)
        ])
    }
}
