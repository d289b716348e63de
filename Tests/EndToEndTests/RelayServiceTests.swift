import Domain
import FoundationEssentials
import Postgres
import Sandbox
import TestSupport
import Testing

/// Reminders, silences, routes and replays of the running program, over HTTP and the command line.
@Suite(.timeLimit(.minutes(5))) struct RelayServiceTests {
    /// One webhook, so that counts are plain.
    private static let settings = [
        "SLACK_WEBHOOK_URL": "", "SMTP_URL": "", "SMTP_FROM": "", "SUPERADMIN_EMAILS": "",
        "TOKENWARD_DELIVERY_RETRY_DELAYS": "100ms",
    ]

    @Test func `a dead channel is told, taken care of, reminded of and ended, and quiet when it is asked to be`()
        async throws
    {
        try await World.with(Self.settings) { world in
            try await world.migrate()
            try await world.importChannels([
                world.channel("shop", tenant: "acme"), world.channel("quiet", tenant: "calm"),
            ])
            let silenced = try await world.run(
                "silences", "add", "--tenant", "calm", "--for", "2h", "--comment", "moving", "--by", "olga")
            #expect(silenced.status == 0, "\(silenced)")
            try await world.serve { program, admin in
                for id in ["shop", "quiet"] {
                    world.provider.revoke(provider: .youtube, account: id)
                    _ = try await admin.post("/v1/channels/\(id)/refresh", #"{"force":true}"#)
                }
                try await kinds(["opened"], world, program)
                let open = try await admin.get("/v1/incidents?state=open").json["items"]?.items ?? []
                #expect(open.count == 2, "\(open)")
                let shop = try #require(open.first { $0["cause"] == .string("shop") })
                let id = try #require(shop["id"]?.text)

                // A day passes.
                try await world.pass(hours: 25)
                try await kinds(["opened", "opened", "reminder"], world, program)
                let taken = try await admin.post("/v1/incidents/\(id)/ack", #"{"note":"asked them"}"#)
                #expect(taken.status == 200 && taken.json["acknowledgedBy"]?.text != nil, "\(taken)")
                let quiet = try #require(open.first { $0["cause"] == .string("quiet") }?["id"]?.text)
                let snoozed = try await world.run("incidents", "snooze", quiet, "--for", "3d")
                #expect(snoozed.status == 0, "\(snoozed)")
                try await world.pass(hours: 50)
                #expect(try await admin.post("/v1/incidents/\(quiet)/snooze", #"{"until":"x"}"#).status == 400)

                // New tokens end both; whoever knew is told.
                for id in ["shop", "quiet"] {
                    let pair = world.provider.issue(provider: .youtube, account: id, lifetime: .seconds(3600))
                    let put = try await admin.send(
                        "PUT", "/v1/channels/\(id)/credential",
                        #"{"accessToken":"\#(pair.access.reveal())","refreshToken":"\#(pair.refresh?.reveal() ?? "")"}"#
                    )
                    #expect(put.status < 300, "\(put)")
                }
                try await eventually(
                    within: .seconds(30), "both ends are told",
                    evidence: { "\(world.webhook.messages) \(program.text)" }
                ) {
                    try await world.count(
                        "delivery_items i JOIN deliveries d ON d.id = i.delivery_id WHERE d.kind = 'recovered' AND d.state = 'sent'"
                    ) == 2
                }
                #expect(try await admin.post("/v1/incidents/\(id)/ack").status == 409)
                let shown = try await world.run("incidents", "show", id)
                #expect(shown.output.contains("recovered") && shown.output.contains("acknowledged by"), "\(shown)")
                #expect(try await admin.get("/v1/silences?state=all").json["items"]?.items.count == 2)
                #expect(
                    try await world.count("deliveries WHERE kind = 'reminder' AND state = 'sent'") == 1,
                    "\(program.text)")
            }
        }
    }

    @Test func `destinations come, are tested, routed to, replayed and go`() async throws {
        try await World.with(Self.settings) { world in
            let second = WebhookSink(secret: World.webhookSecret)
            try await second.start()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await second.run() }
                try await destinations(world, second)
                second.stop()
                group.cancelAll()
            }
        }
    }

    private func destinations(_ world: World, _ second: WebhookSink) async throws {
        try await world.migrate()
        try await world.importChannels([world.channel("shop", tenant: "acme")])
        try await world.addToken("tenant-token-of-acme-00", role: "tenant:acme")
        try await world.serve { program, admin in
            let acme = admin.with(token: "tenant-token-of-acme-00")
            let body = #"""
                {"name":"Acme","kind":"webhook","url":"\#(second.url)","secret":"\#(World.webhookSecret.reveal())",
                 "match":{"types":["channel.reauthorization_required","platform.event"]}}
                """#
            let made = try await acme.post("/v1/destinations", body)
            #expect(made.status == 201 && !made.body.contains(World.webhookSecret.reveal()), "\(made)")
            let id = try #require(made.json["id"]?.text)
            #expect(made.json["tenantId"] == .string("acme"))
            let tested = try await acme.post("/v1/destinations/\(id)/test")
            #expect(tested.json["isDelivered"] == .bool(true), "\(tested) \(program.text)")
            #expect(try await acme.post("/v1/destinations/env:webhook/test").status == 404)
            #expect(try await admin.send("DELETE", "/v1/destinations/env:webhook").status == 409)
            #expect(try await acme.post("/v1/destinations", #"{"name":"x","kind":"webhook"}"#).status == 400)
            let bad = try await acme.post("/v1/destinations", #"{"name":"x","kind":"webhook","url":"ftp://x"}"#)
            #expect(bad.status == 400, "\(bad)")

            let route = try await world.run("destinations", "route", "--explain", "--channel", "shop")
            #expect(route.output.contains("✅ \(id)") && route.output.contains("— env:webhook"), "\(route)")
            let explained = try await acme.get("/v1/destinations/explain?type=app.rejected").json
            #expect(explained["destinations"]?.items.count == 1)
            #expect(explained["destinations"]?[0]?["isTold"] == .bool(false), "\(explained)")

            // It refuses for good: the dead message is told through the other destination.
            second.refuse(SinkRefusal(status: 410), times: 1)
            let event = #"{"id":"e1","severity":"critical","title":"Stock is wrong","tenantId":"acme","data":{"a":1}}"#
            #expect(try await acme.post("/v1/events", event).status == 202)
            #expect(try await acme.post("/v1/events", event).status == 200)
            try await eventually(
                within: .seconds(30), "the degraded destination is told", evidence: { program.text }
            ) {
                world.webhook.messages.contains { $0.title == "destination.degraded" }
            }
            let listed = try await admin.get("/v1/destinations").json["items"]?.items.first { $0["id"] == .string(id) }
            #expect(listed?["state"] == .string("degraded"), "\(listed ?? .null)")
            let dead = try await acme.get("/v1/deliveries?state=dead").json["items"]?.items ?? []
            let delivery = try #require(dead.first?["id"]?.text)
            let log = try await acme.get("/v1/deliveries/\(delivery)").json["log"]
            #expect(log?[0]?["code"] == .string("410") && log?[0]?["outcome"] == .string("dead"), "\(log ?? .null)")

            let replayed = try await world.run("deliveries", "replay", "--destination", id)
            #expect(replayed.status == 0 && replayed.output.contains("1 queued"), "\(replayed)")
            try await eventually(within: .seconds(30), "it arrives with its id", evidence: { program.text }) {
                second.messages.contains { $0.header("webhook-id") == delivery && $0.title == "platform.event" }
            }
            try await eventually(within: .seconds(30), "its end is told", evidence: { program.text }) {
                world.webhook.messages.count { $0.title == "destination.degraded" } == 2
            }
            #expect(try await acme.post("/v1/deliveries/\(delivery)/replay").status == 409)

            let removed = try await world.run("destinations", "remove", id)
            #expect(removed.status == 0, "\(removed)")
            #expect(try await acme.get("/v1/destinations").json["items"]?.items.isEmpty == true)
            let added = try await world.run(
                "destinations", "add", "--kind", "webhook", "--name", "CLI", "--url", second.url, "--default")
            #expect(added.status == 0 && added.output.contains("whsec_"), "\(added)")
            let wrong = try await world.run("destinations", "add", "--kind", "webhook", "--name", "CLI", "--url", "x")
            #expect(wrong.status == 2, "\(wrong)")
        }
    }

    private func kinds(_ expected: [String], _ world: World, _ program: RunningProgram) async throws {
        try await eventually(
            within: .seconds(30), "the sink has \(expected)",
            evidence: { "\(world.webhook.messages.map(\.kind)) \(program.text)" }
        ) {
            world.webhook.messages.map(\.kind).sorted() == expected
        }
    }
}

extension SinkMessage {
    /// `data.kind` of a webhook.
    var kind: String { (try? Value(parsing: String(decoding: raw, as: UTF8.self)))?["data"]?["kind"]?.text ?? "" }
}

extension World {
    /// Lets hours pass for everything the service has stored about people.
    func pass(hours: Double) async throws {
        try await database.pool.withConnection { try await $0.pass(Int(hours * 3600), only: PostgresConnection.relay) }
    }
}
