import Domain
import FoundationEssentials
import Postgres
import Store
import Testing

/// Jobs in the database.
@Suite("Jobs in the store", .timeLimit(.minutes(2)))
struct JobStoreTests {
    @Test func `a job is worked on by one, taken over when its worker is gone, and what that one writes is refused`()
        async throws
    {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            for id in ["a", "b", "c"] {
                try await fixture.add(
                    StoreFixture.newChannel(ChannelID(rawValue: id), tenant: id == "c" ? "other" : "acme"))
            }
            let work = JobWork.refresh(RefreshOrder(tenantID: "acme", force: true))
            try await store.insertJob(work, id: "j", tenantID: "acme", delay: .zero, actor: "test")
            try await store.insertJob(work, id: "later", tenantID: "acme", delay: .seconds(600), actor: "test")
            let claim = try #require(try await store.claimJob(lease: .seconds(60)))
            #expect(claim.jobID == "j" && claim.work == work && claim.actor == "test" && claim.tenantID == "acme")
            #expect(try await store.claimJob(lease: .seconds(60)) == nil)
            #expect(try await store.nextChannels(of: claim, limit: 1) == ["a"])
            let report = RefreshReport(channelID: "a", outcome: .renewed, reason: "renewed", message: "Done.")
            #expect(try await store.advanceJob(claim, past: "a", [report], lease: .seconds(60)))
            #expect(try await store.holdJob(claim, lease: .seconds(60)))
            try await fixture.endLease(of: "j")
            let other = try #require(try await store.claimJob(lease: .seconds(60)))
            #expect(other.cursor == "a" && other.attempt == claim.attempt + 1)
            #expect(try await store.advanceJob(claim, past: "b", [report], lease: .seconds(60)) == false)
            #expect(try await store.holdJob(claim, lease: .seconds(60)) == false)
            try await store.finishJob(claim, cleanup: nil)
            try await store.noteFailedTry(of: claim, because: "late", retryAfter: nil)
            try await store.releaseJob(claim, delay: .zero)
            #expect(try await store.job("j", tenantID: nil)?.state == .active)
            #expect(try await store.nextChannels(of: other, limit: 10) == ["b"])
            try await store.finishJob(other, cleanup: nil)
            let job = try #require(try await store.job("j", tenantID: "acme"))
            #expect(job.state == .completed && job.total == 2 && job.processed == 1 && job.results == [report])
            #expect(try await store.job("j", tenantID: "other") == nil)
            #expect(try await store.job("later", tenantID: nil)?.state == .delayed)
            #expect(try await store.jobCounts(tenantID: "acme") == [.completed: 1, .delayed: 1])
            #expect(try await store.cancelJob("later", tenantID: "other", actor: "test") == nil)
            #expect(try await store.cancelJob("later", tenantID: "acme", actor: "test")?.state == .cancelled)
            #expect(try await store.jobs(JobQuery(tenantID: "acme")).map(\.id) == ["later", "j"])
            #expect(try await store.jobCounts(tenantID: "acme") == [.completed: 1, .cancelled: 1])
            #expect(try await store.jobCounts(tenantID: nil) == [.completed: 1, .cancelled: 1])
            #expect(try await store.jobCounts(tenantID: "other") == [:])
        }
    }

    @Test func `a try that failed is made again later, and progress makes the tries new`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            try await fixture.add(StoreFixture.newChannel("a"))
            try await store.insertJob(
                .refresh(RefreshOrder()), id: "j", tenantID: nil, delay: .zero, actor: "test")
            let first = try #require(try await store.claimJob(lease: .seconds(60)))
            #expect(first.tries == 0)
            try await store.noteFailedTry(of: first, because: "The test says so.", retryAfter: .seconds(60))
            let job = try #require(try await store.job("j", tenantID: nil))
            #expect(job.state == .delayed && job.error == "The test says so.")
            #expect(try await store.claimJob(lease: .seconds(60)) == nil)
            _ = try await fixture.row("UPDATE jobs SET run_at = now() RETURNING 1 AS n")
            let second = try #require(try await store.claimJob(lease: .seconds(60)))
            #expect(second.tries == 1)
            let report = RefreshReport(channelID: "a", outcome: .renewed, reason: "renewed", message: "Done.")
            #expect(try await store.advanceJob(second, past: "a", [report], lease: .seconds(60)))
            try await store.releaseJob(second, delay: .zero)
            let third = try #require(try await store.claimJob(lease: .seconds(60)))
            #expect(third.tries == 0)
            try await store.noteFailedTry(of: third, because: "For good.", retryAfter: nil)
            let failed = try #require(try await store.job("j", tenantID: nil))
            #expect(failed.state == .failed && failed.finishedAt != nil && failed.error == "For good.")
        }
    }

    @Test func `a request that cannot be read fails its job and delays no other`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            for (id, kind, request) in [("a", "refresh", "{}"), ("b", "dance", "{}"), ("c", "cleanup", "[]")] {
                _ = try await fixture.row(
                    """
                    INSERT INTO jobs (id, kind, state, request, actor, run_at)
                    VALUES ($1, $2, 'waiting', $3::jsonb, 'test', now() - interval '1 minute') RETURNING 1 AS n
                    """, [.text(id), .text(kind), .text(request)])
            }
            try await store.insertJob(.sweep, id: "good", tenantID: nil, delay: .zero, actor: "test")
            #expect(try await store.claimJob(lease: .seconds(60))?.jobID == "good")
            #expect(try await store.jobCounts(tenantID: nil) == [.failed: 3, .active: 1])
            #expect(try await store.job("b", tenantID: nil)?.error?.contains("dance") == true)
        }
    }

    @Test func `the newest finished jobs of each tenant stay, and those of the last seconds`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            try await store.pool.withConnection { connection in
                try await connection.execute(
                    """
                    INSERT INTO jobs (id, kind, state, tenant_id, request, actor, finished_at)
                    SELECT t || s || n, 'sweep', s, nullif(t, 'none'), '{}', 'test', now() - n * interval '1 minute'
                      FROM unnest(ARRAY['acme', 'other', 'none']) t, unnest(ARRAY['completed', 'failed', 'cancelled']) s,
                           generate_series(1, 20) n;
                    INSERT INTO jobs (id, kind, state, tenant_id, request, actor, finished_at)
                    SELECT 'young' || n, 'sweep', 'completed', 'acme', '{}', 'test', now() FROM generate_series(1, 15) n;
                    INSERT INTO jobs (id, kind, state, tenant_id, request, actor) VALUES ('open', 'sweep', 'waiting', 'acme', '{}', 'test');
                    """)
            }
            try await store.pruneJobs(ofTenant: "acme", keeping: JobRetention(completed: 10, failed: 5))
            // The 15 young ones are more than 10, and stay for those who wait for them.
            #expect(
                try await store.jobCounts(tenantID: "acme") == [.completed: 15, .failed: 5, .cancelled: 5, .waiting: 1])
            #expect(try await fixture.count("jobs WHERE id IN ('acmefailed1', 'acmefailed5')") == 2)
            #expect(try await store.jobCounts(tenantID: "other") == [.completed: 20, .failed: 20, .cancelled: 20])
            try await store.pruneJobs(ofTenant: nil, keeping: JobRetention(completed: 0, failed: 0))
            #expect(try await fixture.count("jobs WHERE tenant_id IS NULL") == 0)
            #expect(try await store.jobCounts(tenantID: "other").count == 3)
        }
    }

    @Test func `two replicas share jobs, each is done once`() async throws {
        try await StoreFixture.with { fixture in
            let stores = [fixture.store, Store(pool: fixture.store.pool, ring: fixture.store.ring)]
            for n in 0..<40 {
                try await fixture.store.insertJob(.sweep, id: "j\(n)", tenantID: nil, delay: .zero, actor: "test")
            }
            let taken = try await withThrowingTaskGroup(of: [String].self) { group in
                for n in 0..<4 {
                    group.addTask {
                        var ids: [String] = []
                        while let claim = try await stores[n % 2].claimJob(lease: .seconds(60)) {
                            ids.append(claim.jobID)
                            try await stores[n % 2].finishJob(claim, cleanup: nil)
                        }
                        return ids
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(taken.count == 40 && Set(taken).count == 40)
        }
    }
}

extension StoreFixture {
    /// As if the worker had been gone for long.
    func endLease(of job: String) async throws {
        _ = try await row(
            "UPDATE jobs SET lease_until = now() - interval '1 s' WHERE id = $1 RETURNING 1 AS n", [.text(job)])
    }
}
