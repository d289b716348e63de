import Domain
import FoundationEssentials
import Postgres
import Store
import Testing

@Suite("Channels in the store")
struct ChannelTests {
    @Test func `an import is all or nothing and names what exists`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("b"))
            await #expect(throws: ChannelDirectoryError.exists(["b"])) {
                try await fixture.add(StoreFixture.newChannel("a"), StoreFixture.newChannel("b"))
            }
            #expect(try await fixture.store.channel("a", tenantID: nil) == nil)
        }
    }

    @Test func `replacing gives the new tokens, raises the epoch and tells the recovery`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a"))
            let claim = try #require(try await fixture.claimOne("a"))
            _ = try await fixture.store.complete([
                fixture.failure(claim, .reauthorizationRequired, due: nil, warning: .reauthorizationRequired)
            ])
            try await fixture.store.insert(
                [StoreFixture.newChannel("a", access: "at-9", refresh: "rt-9")], replacing: true, actor: "test")
            let channel = try #require(try await fixture.store.channel("a", tenantID: nil))
            #expect(channel.status == .active && channel.epoch == 2 && channel.warning == nil)
            let token = try #require(try await fixture.store.token(of: "a", tenantID: nil))
            #expect(token.credential.accessToken == Secret("at-9"))
            #expect(try await fixture.count("event WHERE kind = 'recovered'") == 1)
        }
    }

    @Test func `a tenant sees its own channels only`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(
                StoreFixture.newChannel("a", tenant: "acme"), StoreFixture.newChannel("b", tenant: "other"))
            let store = fixture.store
            #expect(try await store.channels(ChannelFilter(tenantID: "acme"), after: nil, limit: 10).map(\.id) == ["a"])
            #expect(try await store.channel("b", tenantID: "acme") == nil)
            #expect(try await store.token(of: "b", tenantID: "acme") == nil)
            #expect(try await store.pause("b", tenantID: "acme", actor: "x") == false)
            #expect(try await store.disconnect("b", tenantID: "acme", purge: true, actor: "x") == nil)
            let grant = StoreFixture.newChannel("b").grant
            #expect(try await store.replaceCredential(of: "b", tenantID: "acme", with: grant, actor: "x") == false)
        }
    }

    @Test func `lists are paged and filtered`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.insert(
                (10..<30).map {
                    StoreFixture.newChannel(ChannelID(rawValue: "c\($0)"), provider: $0 % 2 == 0 ? "amocrm" : "oauth2")
                },
                replacing: false, actor: "test")
            let store = fixture.store
            let first = try await store.channels(ChannelFilter(), after: nil, limit: 15)
            let second = try await store.channels(ChannelFilter(), after: first.last?.id, limit: 15)
            #expect(first.count == 15 && second.count == 5)
            #expect(try await store.channels(ChannelFilter(provider: "amocrm"), after: nil, limit: 500).count == 10)
            #expect(try await store.channels(ChannelFilter(query: "shop c1"), after: nil, limit: 500).count == 10)
            #expect(try await store.channels(ChannelFilter(query: "100%_"), after: nil, limit: 500).isEmpty)
            #expect(
                try await store.channels(ChannelFilter(expiringWithin: .seconds(7200)), after: nil, limit: 500).count
                    == 20)
            #expect(try await store.channels(ChannelFilter(status: .warning), after: nil, limit: 500).isEmpty)
        }
    }

    @Test func `a purge shreds the secrets at once`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a"))
            #expect(try await fixture.store.disconnect("a", tenantID: nil, purge: true, actor: "test") != nil)
            #expect(try await fixture.store.token(of: "a", tenantID: nil) == nil)
            #expect(try await fixture.store.channel("a", tenantID: nil)?.status == .disconnected)
        }
    }

    @Test func `totals follow every status change and survive folding`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            try await fixture.add(
                StoreFixture.newChannel("a"), StoreFixture.newChannel("b"),
                StoreFixture.newChannel("c", provider: "amocrm"))
            #expect(try await store.totals().count(.active) == 3)
            _ = try await store.pause("a", tenantID: nil, actor: "test")
            try await store.foldTotals()
            let totals = try await store.totals()
            #expect(totals.providers["oauth2"]?.counts == [.active: 1, .paused: 1])
            #expect(totals.providers["amocrm"]?.counts == [.active: 1])
            #expect(totals.providers["oauth2"]?.expiresAt != nil && totals.nextDueAt != nil && totals.overdue == 0)
            #expect(try await fixture.count("channel_count_changes") == 0)
        }
    }

    @Test func `the view for platforms has the column names of the original documents`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a"))
            let row = try #require(
                try await fixture.row(
                    "SELECT token_expires_at, last_token_refresh_at FROM channel_tokens WHERE id = 'a'"))
            #expect(try row.dateOrNil("token_expires_at") != nil)
            #expect(try row.dateOrNil("last_token_refresh_at") == nil)
        }
    }
}
