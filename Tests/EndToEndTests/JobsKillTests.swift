import FoundationEssentials
import Postgres
import Sandbox
import TestSupport
import Testing

/// Two replicas, one killed in the middle of a job and while a schedule comes every second.
@Suite(.timeLimit(.minutes(8))) struct JobsKillTests {
    private static let channels = 320

    @Test func `every job and every slot runs once when a replica is killed in the middle`() async throws {
        try await World.with(["TOKENWARD_JOBS_KEEP_COMPLETED": "100000"]) { world in
            // A batch of 32 takes half a second, so that the job is under way for five.
            world.provider.inject(.slow(.milliseconds(500)), on: .everything, times: nil)
            let ids = (0..<Self.channels).map { "c\(1000 + $0)" }
            try await world.migrate()
            try await world.importChannels(ids.map { world.channel($0, left: 120) })
            try await world.addSchedule()
            try await world.serve(replica: 0) { first, client in
                try await world.serve(replica: 1) { second, other in
                    let job = try #require(
                        try await client.post("/v1/refreshes", #"{"force":true}"#).json["id"]?.text)
                    try await eventually(
                        within: .seconds(30), "the job is in its middle", evidence: { first.text + second.text }
                    ) {
                        let processed = try await other.get("/v1/jobs/\(job)").json["processed"]?.number ?? 0
                        return processed >= 64 && processed < 300
                    }
                    let isFirst = first.text.contains("job=\(job)")
                    let (victim, survivor) = isFirst ? (first, other) : (second, client)
                    victim.kill()
                    _ = try await victim.end()
                    // As an orchestrator does: the replica comes back to its own volume and settles its claims.
                    try await world.serve(replica: isFirst ? 0 : 1) { again, _ in
                        let done = try await eventual(
                            within: .seconds(240), every: .milliseconds(250), "the job is done by another",
                            evidence: { first.text + second.text + again.text }
                        ) {
                            let answer = try await survivor.get("/v1/jobs/\(job)").json
                            return answer["state"]?.text == "completed" ? answer : nil
                        }
                        try await check(done, ids, world)
                        try await checkSlots(world)
                    }
                }
            }
        }
    }

    private func check(_ job: Value, _ ids: [String], _ world: World) async throws {
        #expect(job["processed"] == .number(Double(ids.count)) && job["total"] == job["processed"], "\(job)")
        let results = (job["results"]?.items ?? []).compactMap { $0["channelId"]?.text }
        #expect(results == ids)
        // The batch that was under way may have reached the provider; its channels are renewed once more, or found young.
        let renewals = ids.map { world.provider.grant(provider: .youtube, account: $0)?.renewals ?? 0 }
        #expect(renewals.allSatisfy { (1...2).contains($0) } && renewals.count { $0 != 1 } <= 32, "\(renewals)")
        // A channel that was not renewed is told as such.
        let renewed = (job["results"]?.items ?? []).count { $0["outcome"]?.text == "renewed" }
        #expect(renewed >= ids.count - 32, "\(renewed) renewed: \(job["failed"] ?? .null) failed")
    }

    private func checkSlots(_ world: World) async throws {
        let rows = try await world.database.pool.withConnection { connection in
            try await connection.query(
                """
                SELECT s.runs, s.skipped, s.turn, extract(epoch FROM now() - s.anchor_at)::float8 AS age, j.jobs, j.slots
                  FROM schedules s, LATERAL (
                       SELECT count(*) AS jobs, count(DISTINCT run_at) AS slots
                         FROM jobs WHERE schedule_id = s.id) j
                 WHERE s.id = 'every-second'
                """
            ).rows
        }
        let row = try #require(rows.first)
        let (runs, jobs, slots) = (try row.int8("runs"), try row.int8("jobs"), try row.int8("slots"))
        let (turn, skipped, age) = (try row.int8("turn"), try row.int8("skipped"), try row.float8("age"))
        #expect(runs == jobs && runs > 5, "\(runs) runs, \(jobs) jobs")
        #expect(slots == jobs, "two jobs of one slot")
        #expect(turn == runs + skipped && Double(turn) <= age + 1, "\(turn) turns in \(age) s")
        #expect(try await world.count("jobs WHERE schedule_id = 'every-second' AND state = 'failed'") == 0)
    }
}

extension World {
    /// Each replica has a volume of its own.
    fileprivate func serve<Value: Sendable>(
        replica: Int, _ body: (RunningProgram, Client) async throws -> Value
    ) async throws -> Value {
        try await serve(settings: ["TOKENWARD_DATA_DIR": directory + "/replica-\(replica)"], body)
    }

    /// A schedule of a second that judges nobody.
    fileprivate func addSchedule() async throws {
        try await database.pool.withConnection { connection in
            try await connection.execute(
                """
                INSERT INTO schedules (id, kind, request, interval_seconds, anchor_at, next_at, actor)
                VALUES ('every-second', 'refresh',
                        '{"channelIDs":["nobody"],"force":false,"retryDead":false,"dryRun":true}', 1, now(),
                        now() + interval '1 second', 'test');
                """)
        }
    }
}
