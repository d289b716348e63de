import Domain
import FoundationEssentials
import Postgres
import Sandbox
import TestSupport
import Testing

/// Two replicas of the relay under load, one of them killed every few seconds.
@Suite(.timeLimit(.minutes(8))) struct RelayKillTests {
    /// `TOKENWARD_TEST_LONG=1`: two minutes, as the issue asks; else as long as a suite may take.
    private static let isLong = ProcessInfo.processInfo.environment["TOKENWARD_TEST_LONG"] == "1"
    private static let deaths = isLong ? 24 : 6
    private static let between: Duration = .seconds(5)
    /// Events written every quarter of a second.
    private static let burst = 10
    /// Events written before a death, which comes as soon as one of their messages is on its way.
    private static let storm = 300

    @Test func `replicas that are killed lose no message, and repeat no more than was on its way`() async throws {
        let settings = [
            "SLACK_WEBHOOK_URL": "", "SMTP_URL": "", "SMTP_FROM": "", "SUPERADMIN_EMAILS": "",
            "TOKENWARD_GROUP_WAIT": "0s",
        ]
        try await World.with(settings) { world in
            try await world.migrate()
            let database = try await world.database.connect()
            let counter = Counter()
            let replicas = ["1", "2"].map { FaultReplica(world: world, directory: world.directory + "/" + $0) }
            let (written, inFlight) = try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { for await message in world.webhook.stream() { await counter.count(message) } }
                for replica in replicas { group.addTask { try await replica.live() } }
                let result = try await Self.killUnderLoad(world, database, replicas)
                try await Self.settle(database, replicas, counter)
                for replica in replicas { await replica.stop() }
                for replica in replicas {
                    try await eventually(
                        within: .seconds(30), "a replica ends", evidence: { await replica.lastWords }
                    ) { await replica.hasEnded }
                }
                group.cancelAll()
                return result
            }
            let sent = try await database.query(
                "SELECT id, state FROM deliveries WHERE type = 'platform.event' AND kind = 'opened'")
            let ids = Set(try sent.rows.map { try $0.text("id") })
            let counts = await counter.counts
            let lost = ids.filter { counts[$0] == nil }
            let repeated = counts.values.reduce(0) { $0 + $1 - 1 }
            print(
                "kill test: \(written) events, \(ids.count) messages, \(repeated) repeated, \(inFlight) in flight at deaths"
            )
            #expect(ids.count == written && lost.isEmpty, "\(lost.count) of \(ids.count) lost, \(written) written")
            #expect(Set(counts.keys) == ids, "messages that no delivery knows")
            #expect(inFlight > 0, "no death met a message on its way")
            #expect(repeated <= inFlight, "\(repeated) repeated, \(inFlight) in flight")
            await database.close()
        }
    }

    /// - Returns: events written, and the sum of what was on its way right after each death.
    private static func killUnderLoad(
        _ world: World, _ database: PostgresConnection, _ replicas: [FaultReplica]
    ) async throws -> (written: Int, inFlight: Int) {
        var written = 0
        var inFlight = 0
        var dice = Dice(state: 20_261_128)
        for replica in replicas {
            try await eventually(within: .seconds(60), "a replica is up") { try await replica.isUp() }
        }
        for _ in 1...deaths {
            let end = ContinuousClock.now + between
            while ContinuousClock.now < end {
                try await write(burst, after: &written, database)
                let next = ContinuousClock.now + .milliseconds(250)
                try await eventually("the next burst is due") { ContinuousClock.now >= next }
            }
            let victim = replicas[Int.random(in: 0...1, using: &dice)]
            try await eventually(within: .seconds(60), "the victim is up") { try await victim.isUp() }
            try await write(storm, after: &written, database)
            try await eventually(within: .seconds(20), every: .milliseconds(2), "messages are on their way") {
                try await sending(database) > 0
            }
            await victim.kill()
            inFlight += try await sending(database)
        }
        return (written, inFlight)
    }

    private static func write(_ count: Int, after written: inout Int, _ database: PostgresConnection) async throws {
        _ = try await database.query(
            """
            INSERT INTO event (kind, reason, payload)
            SELECT 'platform', 'event', jsonb_build_object('id', 'e' || n, 'severity', 'info', 'title', 'Event ' || n)
              FROM generate_series($1::int4, $2::int4) AS n
            """, [.int4(Int32(written + 1)), .int4(Int32(written + count))])
        written += count
    }

    private static func sending(_ database: PostgresConnection) async throws -> Int {
        Int(
            try await database.query("SELECT count(*) AS n FROM deliveries WHERE state = 'sending'").rows[0].int8("n"))
    }

    /// Leases of the dead end after 45 s.
    private static func settle(
        _ database: PostgresConnection, _ replicas: [FaultReplica], _ counter: Counter
    ) async throws {
        try await eventually(
            within: .seconds(150), every: .milliseconds(500), "everything is delivered",
            evidence: {
                let rows = try? await database.query("SELECT state, count(*) AS n FROM deliveries GROUP BY 1").rows
                var lines = (rows ?? []).map { "\((try? $0.text("state")) ?? "") \((try? $0.int8("n")) ?? 0)" }
                for replica in replicas { lines.append(await replica.lastWords) }
                return lines.joined(separator: "\n")
            }
        ) {
            let row = try await database.query(
                """
                SELECT (SELECT count(*) FROM event WHERE expanded_at IS NULL) AS events,
                       (SELECT count(*) FROM deliveries WHERE state <> 'sent') AS open
                """
            ).rows[0]
            return try row.int8("events") == 0 && row.int8("open") == 0
        }
    }
}

/// How often the sink was given each id.
private actor Counter {
    private(set) var counts: [String: Int] = [:]

    func count(_ message: SinkMessage) { counts[message.header("webhook-id") ?? "", default: 0] += 1 }
}
