import Domain
import FoundationEssentials
import Store
import Testing

/// API tokens, reports and reads in the database.
@Suite("Access")
struct AccessStoreTests {
    @Test func `the last superadmin's token cannot be revoked`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            for (id, role) in [("a", "superadmin"), ("b", "superadmin"), ("c", "probe")] {
                try await store.insertToken(
                    id: id, name: id, digest: Array(id.utf8), role: role, expiresAt: nil, actor: "test")
            }
            #expect(try await store.revokeToken("c", actor: "test"))
            #expect(try await store.revokeToken("c", actor: "test") == false)
            #expect(try await store.revokeToken("a", actor: "test"))
            await #expect(throws: APITokenError.lastSuperadmin) {
                _ = try await store.revokeToken("b", actor: "test")
            }
            #expect(try await store.tokenHolder(digest: Array("a".utf8)) == nil)
            #expect(try await store.tokenHolder(digest: Array("b".utf8))?.role == "superadmin")
            #expect(try await store.tokens(after: "a", limit: 10).map(\.id) == ["b", "c"])
        }
    }

    @Test func `a report is news once an epoch and once in ten minutes`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            try await fixture.add(StoreFixture.newChannel("a", tenant: "acme"))
            #expect(try await store.takeReport(of: "a", tenantID: "other", epoch: 1) == nil)
            #expect(try await store.takeReport(of: "a", tenantID: "acme", epoch: 3) == .oldEpoch(current: 1))
            #expect(try await store.takeReport(of: "a", tenantID: nil, epoch: 1) == .news)
            #expect(try await store.takeReport(of: "a", tenantID: nil, epoch: 1) == .known)
            let grant = StoreFixture.newChannel("a").grant
            #expect(try await store.replaceCredential(of: "a", tenantID: nil, with: grant, actor: "test"))
            #expect(try await store.takeReport(of: "a", tenantID: nil, epoch: 2) == .known)
            _ = try await fixture.row("UPDATE token_reports SET at = at - interval '11 minutes' RETURNING 1 AS n")
            #expect(try await store.takeReport(of: "a", tenantID: nil, epoch: 2) == .news)
        }
    }

    @Test func `reads add up, and those of channels that are gone are dropped`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            try await fixture.add(StoreFixture.newChannel("a"))
            let now = Date()
            for count in [2, 3] {
                try await store.add([
                    TokenReads(channelID: "a", caller: "crm", count: count, lastAt: now),
                    TokenReads(channelID: "gone", caller: "crm", count: 1, lastAt: now),
                ])
            }
            #expect(try await store.reads(of: "a").map(\.count) == [5])
            #expect(try await store.reads(of: "gone").isEmpty)
        }
    }

    @Test func `changes are written with who, from where and by which request`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            try await fixture.add(StoreFixture.newChannel("a", tenant: "acme"))
            let actor = AuditActor(name: "crm", address: "10.0.0.9", requestID: "r1")
            #expect(try await store.change("a", tenantID: "acme", ChannelChange([.userID: nil]), actor: actor))
            #expect(try await store.change("a", tenantID: "other", ChannelChange([.meta: "{}"]), actor: actor) == false)
            let entry = try #require(try await store.auditEntries(AuditQuery(tenantID: "acme", limit: 1)).first)
            #expect(entry.actor == actor && entry.change.action == "channel.changed")
            #expect(entry.change.detail == "user_id" && entry.change.subject == "a")
            #expect(try await store.channel("a", tenantID: nil)?.userID == nil)
            #expect(try await store.auditEntries(AuditQuery(tenantID: "other")).isEmpty)
        }
    }
}
