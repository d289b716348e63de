import Domain
import FoundationEssentials
import Sandbox
import TestSupport
import Testing

/// The signature of a webhook as the reference implementation of Standard Webhooks judges it.
@Suite(.timeLimit(.minutes(3))) struct PeersWebhookTests {
    private struct Question: Encodable {
        var secret: String
        var headers: [String: String]
        var body: String
    }

    @Test func `a delivery verifies and one changed byte does not`() async throws {
        try await World.with(["SLACK_WEBHOOK_URL": "", "SMTP_URL": "", "SMTP_FROM": "", "SUPERADMIN_EMAILS": ""]) {
            world in
            try await world.migrate()
            var channel = world.channel("bakery", .oauth2)
            channel.displayName = "Bäckerei 🥐"
            try await world.importChannels([channel])
            world.provider.revoke(provider: .oauth2, account: "bakery")
            try await world.serve { program, client in
                _ = try await client.post("/v1/channels/bakery/refresh", #"{"force": true}"#)
                let message = try await eventual(
                    within: .seconds(15), "the webhook arrives", evidence: { program.text }
                ) {
                    world.webhook.messages.first
                }
                try await judge(message)
            }
        }
    }

    private func judge(_ message: SinkMessage) async throws {
        let body = String(decoding: message.raw, as: UTF8.self)
        #expect(try await isValid(message, body: body))
        let changed = body.replacing("critical", with: "criticaL")
        #expect(changed != body)
        #expect(try await !isValid(message, body: changed))
        #expect(try await !isValid(message, body: body + " "))
        for name in ["webhook-id", "webhook-timestamp"] {
            #expect(try await !isValid(message, body: body, changing: name), "\(name) is not signed")
        }
        let event = try Value(parsing: body)
        #expect(event["type"]?.text == "channel.reauthorization_required", "\(body)")
        #expect(event["data"]?["channels"]?[0]?["displayName"]?.text == "Bäckerei 🥐")
        #expect(!body.contains("at-") && !body.contains("rt-"), "a token is in \(body)")
    }

    private func isValid(_ message: SinkMessage, body: String, changing name: String? = nil) async throws -> Bool {
        var headers = Dictionary(message.headers.map { ($0.name, $0.value) }) { first, _ in first }
        if let name, let value = headers[name] {
            headers[name] = String(value.dropLast()) + (value.hasSuffix("1") ? "2" : "1")
        }
        let question = Question(secret: World.webhookSecret.reveal(), headers: headers, body: body)
        let input = String(decoding: try JSONEncoder().encode(question), as: UTF8.self)
        return try Value(parsing: await Peers.run("verify_webhook.py", input: input))["valid"]?.bool == true
    }
}
