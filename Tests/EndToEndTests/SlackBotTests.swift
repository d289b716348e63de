import Domain
import FoundationEssentials
import Sandbox
import TestSupport
import Testing

/// The real program with a bot in the sandbox's Slack, from the first message to the last.
@Suite(.timeLimit(.minutes(4))) struct SlackBotTests {
    private static let signingSecret = Secret("8f742231b10e8888abcd99yyyzzz85a5")

    private func withBot(
        _ more: [String: String] = [:], _ body: @Sendable (World) async throws -> Void
    ) async throws {
        try await World.with(["SLACK_WEBHOOK_URL": "", "WEBHOOK_URL": "", "WEBHOOK_SECRET": ""]) { world in
            var world = world
            world.settings = world.settings(
                with: [
                    "SLACK_BOT_TOKEN": "xoxb-canary-token", "SLACK_CHANNEL": "#alerts",
                    "SLACK_SIGNING_SECRET": Self.signingSecret.reveal(), "SLACK_API_URL": world.slack.apiURL,
                ].merging(more) { _, new in new })
            try await world.migrate()
            try await body(world)
        }
    }

    private func breakChannel(_ id: String, _ world: World, _ client: Client) async throws {
        world.provider.revoke(provider: .oauth2, account: id)
        let reply = try await client.post("/v1/channels/\(id)/refresh", #"{"force": true}"#)
        #expect(reply.json["outcome"]?.text == "reauthorization_required", "\(reply)")
    }

    private func press(
        _ action: String, _ post: SlackPost, secret: Secret = signingSecret, at time: Date = Date(), _ client: Client
    ) async throws -> Reply {
        let press = try #require(SlackPress(action, of: post, secret: secret, at: time))
        return try await client.with(token: nil).send("POST", "/hooks/slack", press.body, headers: press.headers)
    }

    @Test func `posted, acknowledged by a button, and changed when all is well`() async throws {
        try await withBot(["SMTP_URL": "", "SMTP_FROM": "", "SUPERADMIN_EMAILS": ""]) { world in
            let tested = try await world.run("destinations", "test")
            #expect(tested.status == 0, "\(tested)")
            #expect(world.slack.posts.count == 1 && world.slack.posts[0].buttons.isEmpty)
            try await world.importChannels([world.channel("bakery", .oauth2)])
            try await world.serve { program, client in
                try await breakChannel("bakery", world, client)
                let post = try await eventual(within: .seconds(20), "it is posted", evidence: { program.text }) {
                    world.slack.posts.dropFirst().first
                }
                #expect(post.text.contains("Re-authorize") && post.text.contains("Channel bakery"))
                #expect(post.buttons.map(\.label) == ["Acknowledge", "Snooze 1 h", "Snooze 1 day"])
                #expect(post.lines.contains { $0.contains("/reauthorize/") })

                for reply in [
                    try await press("tokenward_acknowledge", post, secret: Secret("not-the-apps-secret"), client),
                    try await press("tokenward_acknowledge", post, at: Date().addingTimeInterval(-600), client),
                    try await client.with(token: nil).post("/hooks/slack", "payload=%7B%7D"),
                ] {
                    #expect(reply.status == 401, "\(reply)")
                }
                #expect(world.slack.posts.last?.updates == 0)

                let reply = try await press("tokenward_acknowledge", post, client)
                #expect(reply.status == 200, "\(reply)")
                let noted = try #require(world.slack.posts.last)
                #expect(noted.updates == 1 && noted.buttons.isEmpty)
                #expect(noted.lines.last == "Acknowledged by <@U0ANN>")
                let incidents = try await client.get("/v1/incidents?limit=5")
                #expect(incidents.body.contains("slack:ann"), "\(incidents)")

                let pair = world.provider.issue(provider: .oauth2, account: "bakery")
                let mended = try await client.send(
                    "PUT", "/v1/channels/bakery/credential",
                    #"{"accessToken": "\#(pair.access.reveal())", "refreshToken": "\#(pair.refresh?.reveal() ?? "")"}"#)
                #expect(mended.status == 200, "\(mended)")
                try await eventually(within: .seconds(20), "the message is changed", evidence: { program.text }) {
                    world.slack.posts.last?.updates == 2
                }
                #expect(world.slack.posts.count == 2)
                #expect(world.slack.posts.last?.text.contains("Recovered: Channel bakery") == true)
                #expect(!program.text.contains("xoxb-canary-token"))
                #expect(!program.text.contains(Self.signingSecret.reveal()))
            }
        }
    }

    @Test func `one click in a mail mutes its address, and the others are still told`() async throws {
        try await withBot(["SUPERADMIN_EMAILS": "ann@test.example,bob@test.example"]) { world in
            try await world.importChannels([world.channel("first", .oauth2), world.channel("second", .oauth2)])
            try await world.serve { program, client in
                try await breakChannel("first", world, client)
                try await eventually(within: .seconds(20), "both are told", evidence: { program.text }) {
                    world.mail.messages.count == 2 && world.slack.posts.count == 1
                }
                let mail = try #require(world.mail.messages.first { $0.recipient.contains("ann@") })
                let header = try #require(mail.header("list-unsubscribe"))
                let path = try #require(
                    header.firstRange(of: "/unsubscribe/").map { header[$0.lowerBound...].dropLast() })
                let visitor = client.with(token: nil)

                let page = try await visitor.get(String(path))
                #expect(page.status == 200 && page.body.contains("ann@test.example") && page.body.contains("<form"))
                #expect(try await world.count("mutes") == 0, "a GET changes nothing")
                let forged = try await visitor.post(String(path.dropLast()) + (path.hasSuffix("A") ? "B" : "A"))
                #expect(forged.status == 404)
                let form = ["Content-Type": "application/x-www-form-urlencoded"]
                let muted = try await visitor.send(
                    "POST", String(path), "List-Unsubscribe=One-Click", headers: form)
                #expect(muted.status == 200, "\(muted)")

                try await breakChannel("second", world, client)
                try await eventually(within: .seconds(20), "the others are told", evidence: { program.text }) {
                    world.mail.messages.count == 3 && world.slack.posts.count == 2
                }
                #expect(world.mail.messages.last?.recipient.contains("bob@") == true)
                let undone = try await visitor.send("POST", String(path), "undo=1", headers: form)
                #expect(undone.status == 200)
                #expect(try await world.count("mutes") == 0)
            }
        }
    }
}
