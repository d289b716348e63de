import Domain
import FoundationEssentials
import Store
import Testing

/// API tokens, reports, reads and jobs in the database.
@Suite("Access and jobs")
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

    @Test func `a job is worked on by one, taken over when its worker is gone, and what that one writes is refused`()
        async throws
    {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            for id in ["a", "b", "c"] {
                try await fixture.add(
                    StoreFixture.newChannel(ChannelID(rawValue: id), tenant: id == "c" ? "other" : "acme"))
            }
            let order = RefreshOrder(tenantID: "acme", force: true)
            try await store.insertJob(order, id: "j", tenantID: "acme", delay: .zero, actor: "test")
            try await store.insertJob(order, id: "later", tenantID: "acme", delay: .seconds(600), actor: "test")
            let claim = try #require(try await store.claimJob(lease: .seconds(60)))
            #expect(claim.jobID == "j" && claim.order == order && claim.actor == "test")
            #expect(try await store.claimJob(lease: .seconds(60)) == nil)
            #expect(try await store.nextChannels(of: claim, limit: 1) == ["a"])
            let report = RefreshReport(channelID: "a", outcome: .renewed, reason: "renewed", message: "Done.")
            #expect(try await store.advanceJob(claim, past: "a", [report], lease: .seconds(60)))
            _ = try await fixture.row(
                "UPDATE jobs SET lease_until = now() - interval '1 s' WHERE id = 'j' RETURNING 1 AS n")
            let other = try #require(try await store.claimJob(lease: .seconds(60)))
            #expect(other.cursor == "a" && other.attempt == claim.attempt + 1)
            #expect(try await store.advanceJob(claim, past: "b", [report], lease: .seconds(60)) == false)
            #expect(try await store.nextChannels(of: other, limit: 10) == ["b"])
            try await store.finishJob(other, as: .completed)
            let job = try #require(try await store.job("j", tenantID: "acme"))
            #expect(job.state == .completed && job.total == 2 && job.processed == 1 && job.results == [report])
            #expect(try await store.job("j", tenantID: "other") == nil)
            #expect(try await store.job("later", tenantID: nil)?.state == .delayed)
            #expect(try await store.cancelJob("later", tenantID: "other", actor: "test") == nil)
            #expect(try await store.cancelJob("later", tenantID: "acme", actor: "test")?.state == .cancelled)
            #expect(try await store.jobs(JobQuery(tenantID: "acme")).map(\.id) == ["later", "j"])
            #expect(try await store.jobCounts(tenantID: "acme") == [.completed: 1, .cancelled: 1])
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
