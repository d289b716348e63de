import Domain
import FoundationEssentials
import Postgres
import Sandbox
import TestSupport
import Testing

/// One destination hangs, one refuses, one asks for fewer messages: the others do not notice.
@Suite(.timeLimit(.minutes(5))) struct RelayIsolationTests {
    private static let rounds = 3
    private static let events = 25

    // TOKENWARD_TEST_LONG=1, with nothing beside it: the ratio itself. Among other suites the machine's own noise is
    // greater, and what is looked for is a destination that holds up the others: four times as slow when they did.
    private static let ratioMax = ProcessInfo.processInfo.environment["TOKENWARD_TEST_LONG"] == "1" ? 1.2 : 3

    @Test func `bad destinations leave the others as quick as they were`() async throws {
        let settings = [
            "SLACK_WEBHOOK_URL": "", "SMTP_URL": "", "SMTP_FROM": "", "SUPERADMIN_EMAILS": "",
            "TOKENWARD_GROUP_WAIT": "0s",
        ]
        try await World.with(settings) { world in
            let limiting = WebhookSink(secret: World.webhookSecret)
            try await limiting.start()
            limiting.refuse(SinkRefusal(status: 429, retryAfterSeconds: 2), times: nil)
            let hanging = WebhookSink(secret: World.webhookSecret)
            try await hanging.start()
            hanging.refuse(SinkRefusal(status: 503, hangs: true), times: nil)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await limiting.run() }
                group.addTask { try await hanging.run() }
                try await world.serve { program, admin in
                    let bad = [hanging.url, "http://127.0.0.1:1/refused", limiting.url]
                    var alone: [Double] = []
                    var beside: [Double] = []
                    // Turns meet the same slow minutes of the machine.
                    for round in 0..<Self.rounds {
                        alone += try await Self.latencies(world, admin, program, "alone\(round)")
                        var ids: [String] = []
                        for url in bad {
                            let made = try await admin.post(
                                "/v1/destinations",
                                #"{"name":"bad","kind":"webhook","isDefault":true,"url":"\#(url)"}"#)
                            try #require(made.status == 201, "\(made)")
                            ids.append(made.json["id"]?.text ?? "")
                        }
                        beside += try await Self.latencies(world, admin, program, "beside\(round)")
                        for id in ids { _ = try await admin.send("DELETE", "/v1/destinations/\(id)") }
                    }
                    let ratio = Self.median(beside) / Self.median(alone)
                    print(
                        "isolation: median \(Self.median(alone)) ms alone, \(Self.median(beside)) ms beside, ratio \(ratio)"
                    )
                    #expect(ratio <= Self.ratioMax, "\(Self.median(alone)) ms alone, \(Self.median(beside)) ms beside")
                    #expect(limiting.attempts > 0)
                }
                limiting.stop()
                hanging.stop()
                group.cancelAll()
            }
        }
    }

    /// From the event's commit to the sink's answer, in milliseconds.
    private static func latencies(
        _ world: World, _ admin: Client, _ program: RunningProgram, _ name: String
    ) async throws -> [Double] {
        for number in 0..<events {
            let next = ContinuousClock.now + .milliseconds(80)
            let reply = try await admin.post(
                "/v1/events", #"{"id":"\#(name)-\#(number)","severity":"info","title":"x"}"#)
            try #require(reply.status == 202, "\(reply)")
            try await eventually("the next event is due") { ContinuousClock.now >= next }
        }
        return try await eventual(within: .seconds(60), "\(name) arrives", evidence: { program.text }) {
            let rows = try await world.database.pool.withConnection { connection in
                try await connection.query(
                    """
                    SELECT extract(epoch FROM d.finished_at - n.opened_at)::float8 * 1000 AS ms
                      FROM incidents n JOIN delivery_items i ON i.incident_id = n.id
                      JOIN deliveries d ON d.id = i.delivery_id
                     WHERE n.cause_id LIKE $1 || '-%' AND d.destination_id = 'env:webhook' AND d.state = 'sent'
                    """, [.text(name)]
                ).rows
            }
            return rows.count == events ? try rows.map { try $0.float8("ms") } : nil
        }
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    }
}
