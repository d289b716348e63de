import Domain
import Runtime
import Testing

@Suite("Destinations in settings")
struct SettingsDestinationsTests {
    private static let signingKey = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    @Test func `complete destinations are taken`() throws {
        let destinations = try load([
            "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/x", "SLACK_BOT_TOKEN": "xoxb-1",
            "SLACK_CHANNEL": "#ops", "SMTP_URL": "smtp://user:p%40ss@mail.example.com:587",
            "SMTP_FROM": "Tokenward <ops@example.com>", "SUPERADMIN_EMAILS": "a@example.com, b@example.com",
            "WEBHOOK_URL": "https://example.com/hook", "WEBHOOK_SECRET": Self.signingKey,
        ])
        #expect(
            destinations == [
                .slackWebhook(url: Secret("https://hooks.slack.com/services/x")),
                .slackBot(token: Secret("xoxb-1"), channel: "#ops", signingSecret: nil),
                .email(
                    server: Secret("smtp://user:p%40ss@mail.example.com:587"), sender: "ops@example.com",
                    senderName: "Tokenward", recipients: ["a@example.com", "b@example.com"]),
                .webhook(url: Secret("https://example.com/hook"), secret: Secret(Self.signingKey)),
            ])
    }

    @Test func `recipients alone are no half destination`() throws {
        #expect(try load(["SUPERADMIN_EMAILS": "a@example.com"]).isEmpty)
    }

    @Test(arguments: [
        ["SLACK_WEBHOOK_URL": "http://127.0.0.1:9000/slack"], ["SLACK_WEBHOOK_URL": "http://localhost:9000/slack"],
        ["WEBHOOK_URL": "http://[::1]:9000/hook", "WEBHOOK_SECRET": signingKey],
        [
            "SMTP_URL": "smtp://127.0.0.1:2525?tls=none", "SMTP_FROM": "a@example.com",
            "SUPERADMIN_EMAILS": "a@example.com",
        ],
    ])
    func `plain text goes to an allowed loopback address only`(environment: [String: String]) throws {
        let allowed = environment.merging(["TOKENWARD_ALLOW_NETWORKS": "127.0.0.0/8,::1"]) { $1 }
        #expect(try load(allowed).count == 1)
        let error = try #require(throws: SettingsError.self) { try load(environment) }
        #expect(error.problems.count == 1)
        #expect(error.problems[0].contains("TOKENWARD_ALLOW_NETWORKS"))
    }

    @Test(arguments: [
        ["SLACK_BOT_TOKEN": "x"], ["SLACK_CHANNEL": "#ops"], ["SLACK_WEBHOOK_URL": "hooks.slack.com"],
        ["SLACK_WEBHOOK_URL": "http://hooks.slack.com/x"], ["WEBHOOK_URL": "https://example.com"],
        ["WEBHOOK_SECRET": signingKey], ["WEBHOOK_URL": "https://example.com", "WEBHOOK_SECRET": "whsec_short"],
        ["WEBHOOK_URL": "https://example.com", "WEBHOOK_SECRET": "plain-text-secret-of-some-length"],
        ["SMTP_FROM": "a@example.com", "SUPERADMIN_EMAILS": "a@example.com"],
        ["SMTP_URL": "http://mail", "SMTP_FROM": "a@example.com", "SUPERADMIN_EMAILS": "a@example.com"],
        ["SMTP_URL": "smtp://mail?tls=maybe", "SMTP_FROM": "a@example.com", "SUPERADMIN_EMAILS": "a@example.com"],
        ["SMTP_URL": "smtp://mail", "SMTP_FROM": "a", "SUPERADMIN_EMAILS": "a@example.com"],
        ["SMTP_URL": "smtp://mail", "SMTP_FROM": "a@example.com", "SUPERADMIN_EMAILS": "a@example.com,b"],
        ["SMTP_URL": "smtp://mail", "SMTP_FROM": "a@b.c\nBcc: x@y.z", "SUPERADMIN_EMAILS": "a@example.com"],
    ])
    func `half a destination is one sentence`(environment: [String: String]) throws {
        let error = try #require(throws: SettingsError.self) { try load(environment) }
        #expect(error.problems.count == 1, "\(error.problems)")
    }

    private func load(_ environment: [String: String]) throws -> [ConfiguredDestination] {
        try Settings.load(environment: environment.merging(["HOME": "/h"]) { $1 }).destinations
    }
}
