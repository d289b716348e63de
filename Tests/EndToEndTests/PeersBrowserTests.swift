import Domain
import FoundationEssentials
import Sandbox
import TestSupport
import Testing

/// The whole story in a real browser: a message with a link, a click, a consent, green, and everybody is told.
@Suite(.timeLimit(.minutes(3)), .serialized) struct PeersBrowserTests {
    /// What the browser saw after each step.
    private func browse(_ steps: [[String]]) async throws -> [Value] {
        let input = String(decoding: try JSONEncoder().encode(steps), as: UTF8.self)
        return try Value(parsing: await Peers.run("browser.py", input: input)).items
    }

    private func expectGreen(_ seen: [Value], _ world: World, _ client: Client, _ id: String) async throws {
        let last = try #require(seen.last)
        #expect(last["text"]?.text?.contains("is well again") ?? false, "\(seen)")
        #expect(last["url"]?.text?.contains("code=") == false, "\(last)")
        let channel = try await client.get("/v1/channels/\(id)").json
        #expect(channel["status"]?.text == "active" && channel["warning"] == .null, "\(channel)")
        try await eventually(
            within: .seconds(20), "everybody who heard of it hears that it is over",
            evidence: { "\(world.slack.messages)\n\(world.mail.messages)\n\(world.webhook.messages)" }
        ) {
            [world.slack.messages, world.mail.messages].allSatisfy {
                $0.contains { ($0.title + $0.text).contains("Recovered") }
            }
                && world.webhook.messages.contains {
                    String(decoding: $0.raw, as: UTF8.self).contains("channel.recovered")
                }
        }
    }

    /// The link as the message's reader gets it, once all three have it.
    private func linkInMessages(_ world: World) async throws -> String {
        try await eventual(
            within: .seconds(30), "the message arrives at Slack, by mail and at the webhook",
            evidence: { "\(world.slack.messages)" }
        ) {
            guard !world.mail.messages.isEmpty, !world.webhook.messages.isEmpty else { return nil }
            return world.slack.messages.compactMap(\.link).first { $0.contains("/reauthorize/") }
        }
    }

    @Test func `from the sandbox's revocation to green in one click and one consent`() async throws {
        try await ConsentTests.withDeadChannel("shop", .youtube) { world, _, client, _ in
            let link = try await linkInMessages(world)
            let seen = try await browse([
                ["goto", link], ["press", "form button[type=submit]"], ["click", "Allow as shop"], ["goto", link],
            ])
            #expect(seen[0]["text"]?.text?.contains("Channel shop needs you") ?? false, "\(seen)")
            #expect(seen[2]["text"]?.text?.contains("is well again") ?? false, "\(seen)")
            try await expectGreen(seen, world, client, "shop")
        }
    }

    @Test func `another account is told so, and nothing changes`() async throws {
        try await ConsentTests.withDeadChannel("shop", .youtube) { world, _, client, link in
            let seen = try await browse([
                ["goto", link], ["press", "form button[type=submit]"], ["click", "Allow as stranger"],
            ])
            let text = seen.last?["text"]?.text ?? ""
            #expect(text.contains("You signed in as stranger; this channel belongs to shop"), "\(seen)")
            #expect(try await client.get("/v1/channels/shop").json["status"]?.text == "warning")
        }
    }

    @Test func `an OpenID Connect provider of others`() async throws {
        try await Peers.serving("oidc_server.py", []) { port in
            let base = "http://localhost:\(port)"
            try await story(
                endpoints: ["authorize_url": "\(base)/oauth2/authorize", "token_url": "\(base)/oauth2/token"],
                scopes: "openid", client: ("tokenward", "secret"), account: "maria", entry: Self.basic
            ) { link in
                [
                    ["goto", link], ["press", "form button[type=submit]"], ["fill", "input[name=sub]", "maria"],
                    ["press", "form button[type=submit]"], ["goto", link],
                ]
            }
        }
    }

    @Test func `django-oauth-toolkit, with its sign-in and its consent page`() async throws {
        let directory = "/tmp/tokenward-dot-\(UUID().uuidString.prefix(8).lowercased())"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let port = Int.random(in: 20_000..<30_000)
        try await PeerOAuthServer.with(
            in: directory, grants: 1, accessSeconds: 3600,
            redirectURI: "http://127.0.0.1:\(port)/oauth/callback/oauth2"
        ) { server in
            let base = "https://localhost:\(server.port)/o"
            try await story(
                endpoints: [
                    "authorize_url": "\(base)/authorize/", "token_url": server.tokenURL,
                    "inspect_url": "\(base)/introspect/",
                ], scopes: "read offline", client: (server.client.id, server.client.secret),
                account: server.grants[0].id, port: port, authority: server.certificates.authority
            ) { link in
                [
                    ["goto", link], ["press", "form button[type=submit]"],
                    ["fill", "input[name=name]", server.grants[0].id], ["press", "button"],
                    ["press", "input[name=allow]"], ["goto", link],
                ]
            }
        }
    }

    /// A server that takes the client's secret as Basic alone.
    private static let basic = """
            exchange:
              method: POST
              encoding: form
              client_auth: basic
              params:
                grant_type: authorization_code
                code: "{code}"
                redirect_uri: "{redirect_uri}"
                code_verifier: "{code_verifier}"
            refresh:
              method: POST
              encoding: form
              client_auth: basic
              params: {grant_type: refresh_token, refresh_token: "{refresh_token}"}

        """

    /// A channel whose refresh token the server never gave out, until its human consents there.
    private func story(
        endpoints: [String: String], scopes: String, client app: (id: String, secret: String), account: String,
        port: Int = Int.random(in: 20_000..<30_000), authority: String = "", entry: String = "",
        _ steps: @Sendable (String) -> [[String]]
    ) async throws {
        let settings = [
            "TOKENWARD_LISTEN": "127.0.0.1:\(port)", "TOKENWARD_CA_FILE": authority,
            "TOKENWARD_ALLOW_NETWORKS": "127.0.0.0/8,::1/128", "TOKENWARD_APP_OAUTH2_CLIENT_ID": app.id,
            "TOKENWARD_APP_OAUTH2_CLIENT_SECRET": app.secret,
        ]
        try await World.with(settings) { world in
            var world = world
            let path = world.directory + "/oauth2.yaml"
            let yaml =
                "schema_version: 1\nproviders:\n  oauth2:\n    policy: {min_interval: 1s, dead_confirmations: 1}\n"
                + entry
            try Data(yaml.utf8).write(to: URL(filePath: path))
            world.settings["TOKENWARD_CATALOGUE"] = path
            var channel = NewTestChannel(id: "shop", provider: "oauth2")
            channel.displayName = "Channel shop"
            channel.externalId = account
            channel.params = endpoints
            channel.scopes = scopes
            channel.refreshToken = "never-given-out"
            try await world.migrate()
            try await world.importChannels([channel])
            try await world.serve { _, client in
                let link = try await linkInMessages(world)
                try await expectGreen(try await browse(steps(link)), world, client, "shop")
                let token = try await client.get("/v1/channels/shop/token")
                #expect(token.status == 200 && token.json["accessToken"]?.text?.isEmpty == false, "\(token)")
                // The grant is a living one: it renews.
                let renewed = try await client.post("/v1/channels/shop/refresh", #"{"force":true}"#).json
                #expect(["renewed", "not_due"].contains(renewed["outcome"]?.text), "\(renewed)")
            }
        }
    }
}
