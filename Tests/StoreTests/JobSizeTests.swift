import Domain
import FoundationEssentials
import Postgres
import Store
import TestSupport
import Testing

/// A queue of a hundred thousand jobs costs its callers what one of a thousand does.
@Suite("Jobs at size", .serialized, .timeLimit(.minutes(5)))
struct JobSizeTests {
    private static let rounds = 150

    @Test func `claim and cancel stay flat among a hundred thousand delayed jobs, whose table returns to its size`()
        async throws
    {
        try await StoreFixture.with(size: 1) { fixture in
            try await fixture.fillJobs("small", 1000)
            let small = try await times(fixture, "small")
            try await fixture.fillJobs("large", 100_000)
            let full = try await fixture.jobsSize()
            let reads = try await fixture.jobScans()
            let large = try await times(fixture, "large")
            #expect(try await fixture.jobScans() == reads, "the table was read as a whole")
            // Loaded machines wander; a scan of the table would be a hundred times.
            #expect(large.claim < small.claim * 6, "\(small.claim) a claim among 1 000, \(large.claim) among 100 000")
            #expect(
                large.cancel < small.cancel * 6, "\(small.cancel) a cancel among 1 000, \(large.cancel) among 100 000")
            let delayed = try await fixture.store.jobCounts(tenantID: nil)[.delayed] ?? 0
            #expect(delayed > 100_000)

            try await fixture.emptyJobs()
            let empty = try await fixture.jobsSize()
            try await fixture.fillJobs("second", 100_000)
            let again = try await fixture.jobsSize()
            // The kept ones lie at the end of the file, so PostgreSQL gives none of it back; the next jobs fill it.
            #expect(
                Double(empty.heap) < Double(full.heap) * 1.1,
                "\(empty.heap) bytes of rows when empty after \(full.heap)")
            #expect(
                Double(again.all) < Double(full.all) * 1.25, "\(again.all) bytes when full again after \(full.all)")
        }
    }

    /// The median of a claim with its end, and of a cancellation.
    private func times(_ fixture: StoreFixture, _ name: String) async throws -> (claim: Duration, cancel: Duration) {
        let store = fixture.store
        let clock = ContinuousClock()
        var (claims, cancels): ([Duration], [Duration]) = ([], [])
        for round in 0..<Self.rounds {
            try await store.insertJob(.sweep, id: "\(name)-due-\(round)", tenantID: nil, delay: .zero, actor: "test")
            let start = clock.now
            let claim = try #require(try await store.claimJob(lease: .seconds(60)))
            try await store.finishJob(claim, cleanup: nil)
            claims.append(start.duration(to: clock.now))
            let middle = clock.now
            #expect(
                try await store.cancelJob("\(name)\(round * 5 + 1)", tenantID: "t1", actor: "test")?.state == .cancelled
            )
            cancels.append(middle.duration(to: clock.now))
        }
        return (claims.sorted()[Self.rounds / 2], cancels.sorted()[Self.rounds / 2])
    }
}

extension StoreFixture {
    fileprivate func fillJobs(_ name: String, _ rows: Int) async throws {
        try await store.pool.withConnection { connection in
            try await connection.execute(
                """
                INSERT INTO jobs (id, kind, state, tenant_id, request, actor, run_at)
                SELECT '\(name)' || n, 'refresh', 'waiting', 't1', '{"force":false,"retryDead":false,"dryRun":false}', 'test',
                       now() + interval '1 hour' + n * interval '1 second' FROM generate_series(1, \(rows)) n
                """, within: .seconds(120))
            try await connection.execute("ANALYZE jobs")
        }
    }

    /// All that is delayed is cancelled and cleaned up; vacuumed after each tenth, rarer than autovacuum would (1 %).
    fileprivate func emptyJobs() async throws {
        while try await cancelJobs(10_000) > 0 {
            _ = try await store.clean(.jobs, CleanupPolicy(jobs: JobRetention(completed: 10, failed: 50)))
            try await nobodyReadsBack()
            try await store.pool.withConnection { try await $0.execute("VACUUM jobs") }
        }
        let left = try await store.jobCounts(tenantID: nil)
        #expect((left[.cancelled] ?? 0) <= 50 && left[.delayed] == nil, "\(left)")
    }

    /// A transaction of a test beside this one keeps vacuum from what was removed since it began.
    private func nobodyReadsBack() async throws {
        let now = try #require(try await row("SELECT pg_current_xact_id()::xid::text AS now")?.text("now"))
        try await eventually(within: .seconds(60), "every transaction that saw the removed rows has ended") {
            try await count(
                """
                pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
                   AND age(backend_xmin) >= age('\(now)'::xid)
                """) == 0
        }
    }

    private func cancelJobs(_ limit: Int) async throws -> Int {
        try await store.pool.withConnection { connection in
            try await connection.query(
                """
                UPDATE jobs SET state = 'cancelled', finished_at = now() - interval '1 minute'
                 WHERE id IN (SELECT id FROM jobs WHERE state = 'waiting' ORDER BY run_at LIMIT \(limit)) RETURNING 1 AS one
                """, within: .seconds(120)
            ).rows.count
        }
    }

    fileprivate func jobsSize() async throws -> (heap: Int64, all: Int64) {
        let sizes = try await row("SELECT pg_relation_size('jobs') AS heap, pg_total_relation_size('jobs') AS total")
        return (try sizes?.int8("heap") ?? 0, try sizes?.int8("total") ?? 0)
    }

    fileprivate func jobScans() async throws -> Int64 { try await sequentialScans(["jobs"]) }
}
