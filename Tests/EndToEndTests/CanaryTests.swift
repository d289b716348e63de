import Domain
import FoundationEssentials
import Glibc
import Sandbox
import Synchronization
import TestSupport
import Testing

/// No secret that passes through the program comes out anywhere but where it belongs.
struct CanaryTests {
    @Test(arguments: ["text", "json"])
    func `no secret shows in logs, answers, metrics, errors or process lists`(_ format: String) async throws {
        let login = MailSink.Login(user: "mailer", password: Secret("mail-password-canary"))
        let provider = SandboxProvider(
            apps: Dictionary(
                uniqueKeysWithValues: SandboxPlatform.allCases.map { platform in
                    let app = SandboxProvider.defaultApp(platform)
                    return (
                        platform,
                        SandboxApp(
                            clientID: app.clientID, clientSecrets: [Secret("client-secret-canary-\(platform.rawValue)")]
                        )
                    )
                }))
        let settings = ["TOKENWARD_LOG_LEVEL": "trace", "TOKENWARD_LOG_FORMAT": format]
        try await World.with(settings, provider: provider, mail: MailSink(login: login)) { world in
            let evidence = Evidence()
            try await world.migrate()
            let secrets = try await world.live(evidence, format: format)
            #expect(secrets.count > 40, "only \(secrets.count) secrets were looked for")
            for sign in ["refresh.renewed", "channel.warning", "delivery.sent"] {
                #expect(evidence.all["log"]?.contains(sign) == true, "the log does not tell \(sign)")
            }
            for (place, text) in evidence.all {
                for secret in secrets where text.contains(secret) {
                    Issue.record("\(place) shows the secret \(secret.prefix(12))…")
                }
            }
            if format == "json" {
                let lines = evidence.all["log"]?.split(separator: "\n").filter { $0.hasPrefix("{") } ?? []
                #expect(lines.count > 20)
                for line in lines {
                    let event = try Value(parsing: String(line))
                    #expect(event["level"]?.text != nil && event["message"]?.text != nil, "\(line)")
                }
            }
        }
    }
}

/// Everything the program let out, by place.
final class Evidence: Sendable {
    private let texts = Mutex<[String: String]>([:])

    var all: [String: String] { texts.withLock { $0 } }

    func add(_ place: String, _ text: String) {
        texts.withLock { $0[place, default: ""] += text + "\n" }
    }
}

extension World {
    /// Lets much go right and wrong; the secrets of this world.
    fileprivate func live(_ evidence: Evidence, format: String) async throws -> Set<String> {
        var channels = SandboxPlatform.allCases.map { platform in
            dueChannel("ok-\(platform.rawValue)", platform, tenant: "acme", lifetime: .seconds(8))
        }
        channels.append(dueChannel("dead", .amocrm))
        channels.append(dueChannel("page", .youtube))
        var imported = Set(channels.flatMap { [$0.accessToken, $0.refreshToken].compactMap { $0 } })
        provider.revoke(provider: .amocrm, account: "dead")
        provider.inject(.html(), on: .grant(SandboxGrantKey(.youtube, "page")), times: nil)
        provider.inject(.appRejected, on: .provider(.tiktokShop), times: nil)
        provider.inject(.closed(afterRotating: true), on: .provider(.kommo), times: 1)
        let rows = "[" + channels.map(\.json).joined(separator: ",") + "]"
        evidence.add("import", try await run("channels", "import", "-", input: rows).text)
        evidence.add("import again", try await run("channels", "import", "-", input: rows).text)
        let broken = rows.replacing("\"provider\":\"kommo\"", with: "\"provider\":\"nosuch\"")
        evidence.add("broken import", try await run("channels", "import", "-", input: broken).text)
        let torn = "id,provider,access_token\na,youtube,\"\(channels[0].accessToken ?? "")\n"
        evidence.add("torn import", try await run("channels", "import", "-", input: torn).text)
        slack.refuse(SinkRefusal(status: 500, body: "broken"), times: 2)
        webhook.refuse(SinkRefusal(status: 503, body: "broken"), times: 2)
        try await serve { program, client in
            try await eventually(within: .seconds(15), "things go right and wrong", evidence: { program.errors }) {
                evidence.processes()
                let renewed = provider.snapshot().grants.filter { $0.renewals > 0 }.count
                return renewed >= 8 && slack.received > 0 && mail.received > 0 && webhook.received > 0
            }
            try await eventually("the dead channel is told", evidence: { program.errors }) {
                try await client.get("/v1/channels/dead").json["status"] == .string("warning")
            }
            for path in [
                "/status", "/metrics", "/healthz?verbose", "/v1/channels", "/v1/channels/dead", "/v1/incidents",
                "/v1/channels/dead/token", "/v1/channels/nope/token", "/reauthorize/x",
            ] { evidence.add(path, "\(try await client.get(path))") }
            let given = try await client.get("/v1/channels/ok-youtube/token")
            imported.insert(try #require(given.json["accessToken"]?.text))
            let token = channels[0].accessToken ?? ""
            for body in [
                "{\"provider\":\"youtube\",\"accessToken\":\"\(token)",
                "{\"provider\":\"youtube\",\"accessToken\":\"\(token)\",\"id\":\"dead\"}",
                "{\"provider\":\"youtube\",\"accessToken\":[\"\(token)\",1]}",
                "{\"provider\":\"youtube\",\"refreshToken\":\"\(token) \"}",
                "{\"provider\":\"youtube\",\"accessExpiresAt\":\"\(token)\",\"accessToken\":\"x\"}",
            ] { evidence.add("POST /v1/channels", "\(try await client.post("/v1/channels", body))") }
            evidence.add("refresh", "\(try await client.post("/v1/channels/dead/refresh", #"{"retryDead":true}"#))")
            evidence.add("wrong path", "\(try await client.get("/v1/channels/dead/nothing"))")
            let cli = [
                ["channels", "list", "--json"], ["channels", "show", "dead"], ["status", "--json"],
                ["destinations", "list"], ["incidents", "list", "--json"], ["refresh", "--channel", "page", "--force"],
                ["destinations", "test"],
            ]
            for words in cli {
                evidence.add(words.joined(separator: " "), try await Program.run(words, settings: settings).text)
            }
            evidence.processes()
            program.terminate()
            let ending = try await program.end(within: .seconds(12))
            #expect(ending.status == 0, "\(ending)")
            evidence.add("log", ending.text)
        }
        for sink in [slack.messages, mail.messages, webhook.messages] {
            for message in sink {
                evidence.add("messages", message.text + message.title + String(decoding: message.raw, as: UTF8.self))
            }
        }
        return imported.union(known())
    }

    /// Every token the sandbox ever issued and every secret of the settings, in the forms they may take.
    private func known() -> Set<String> {
        var secrets: Set<String> = ["mail-password-canary", "/services/T0/B0/sandbox", World.adminToken]
        for platform in SandboxPlatform.allCases {
            secrets.insert("client-secret-canary-\(platform.rawValue)")
        }
        for grant in provider.snapshot().grants {
            let newest = [grant.newest.access, grant.newest.refresh].compactMap { $0 }
            let spent = provider.spentCredentials(provider: grant.key.provider, account: grant.key.account)
            secrets.formUnion((newest + spent).map { $0.reveal() })
        }
        secrets.insert(String(World.keys.dropFirst(3)))
        secrets.insert(String(World.webhookSecret.reveal().dropFirst(6)))
        return secrets
    }
}

extension Evidence {
    /// What every user of the machine may read of the program and its server; not of the tests' own helpers.
    fileprivate func processes() {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        for entry in entries where entry.allSatisfy(\.isNumber) {
            let data = FileManager.default.contents(atPath: "/proc/\(entry)/cmdline") ?? Data()
            let words = String(decoding: data, as: UTF8.self).split(separator: "\0")
            guard let name = words.first, name.hasSuffix("tokenward") || name.contains("postgres") else { continue }
            add("process list", words.joined(separator: " "))
        }
    }
}
