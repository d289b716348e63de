import Domain
import FoundationEssentials
import Sandbox
import TestSupport
import Testing

/// The commands that work on an installation's database.
struct CommandLineChannelTests {
    @Test func `migrating twice is migrating once, and a foreign schema is never migrated unasked`() async throws {
        try await World.with { world in
            for words in [["channels", "list"], ["serve", "--no-migrate"]] {
                let refused = try await Program.run(words, settings: world.settings)
                #expect(refused.status == 1, "\(refused)")
                #expect(refused.errors.contains("run `tokenward migrate` first"), "\(refused)")
                expectOneSentence(refused)
            }
            let first = try await world.run("migrate")
            let second = try await world.run("migrate")
            #expect(first.status == 0 && first.output.contains("The schema is at version "), "\(first)")
            #expect(second.output == first.output && second.status == 0, "\(second)")
        }
    }

    @Test func `a channel is added, seen, paused, resumed and removed`() async throws {
        try await World.with { world in
            try await world.migrate()
            let pair = world.provider.issue(provider: .amocrm, account: "acme")
            let tokens =
                #"{"accessToken":"\#(pair.access.reveal())","refreshToken":"\#(pair.refresh?.reveal() ?? "")"}"#
            func add(_ more: String...) async throws -> Ending {
                try await Program.run(
                    ["channels", "add", "--provider", "amocrm", "--id", "crm", "--tenant", "acme", "--name", "Sales"]
                        + more, settings: world.settings, input: tokens)
            }
            let incomplete = try await add()
            #expect(
                incomplete.status == 2 && incomplete.errors.contains("`subdomain`: set it in `params`"), "\(incomplete)"
            )
            let parameters = ["--params", #"{"subdomain":"acme"}"#]
            let added = try await add(parameters[0], parameters[1], "--expires-at", "2100-01-01T00:00:00Z")
            #expect(added.status == 0 && added.output == "crm\n", "\(added)")
            let again = try await add(parameters[0], parameters[1])
            #expect(again.status == 2 && again.errors.contains("there is a channel `crm` already"), "\(again)")

            let list = try await world.run("channels", "list", "--tenant", "acme")
            #expect(list.output.contains("crm") && list.output.contains("Sales"), "\(list)")
            let json = try Value(
                parsing: try await world.run("channels", "list", "--json", "--provider", "amocrm").output)
            #expect(json["items"]?.items.count == 1 && json["items"]?[0]?["status"] == .string("active"))
            let elsewhere = try await world.run("channels", "list", "--tenant", "other", "--json")
            #expect(try Value(parsing: elsewhere.output)["items"] == .array([]), "\(elsewhere)")

            func shown(_ member: String) async throws -> Value? {
                try Value(parsing: try await world.run("channels", "show", "crm").output)[member]
            }
            #expect(try await shown("params") == .object(["subdomain": .string("acme")]))
            #expect(try await world.run("channels", "token", "crm").output == pair.access.reveal() + "\n")
            #expect(try await world.run("channels", "pause", "crm").output == "crm is paused\n")
            #expect(try await shown("status") == .string("paused"))
            #expect(try await world.run("channels", "resume", "crm").output == "crm goes on\n")
            #expect(try await shown("status") == .string("active"))
            let link = try await world.run("channels", "link", "crm")
            #expect(link.status == 1 && link.errors.contains("no open incident"), "\(link)")
            #expect(try await world.run("channels", "remove", "crm", "--purge").output == "crm is disconnected\n")
            #expect(try await shown("status") == .string("disconnected"))
            let token = try await world.run("channels", "token", "crm")
            #expect(token.status == 1 && token.output.isEmpty, "\(token)")
        }
    }

    @Test func `an unknown channel is refused by every command that names one`() async throws {
        try await World.with { world in
            try await world.migrate()
            let commands = [
                ["channels", "show"], ["channels", "token"], ["channels", "pause"], ["channels", "resume"],
                ["channels", "remove"], ["channels", "link"], ["refresh", "--channel"],
            ]
            for words in commands {
                let ending = try await Program.run(words + ["nope"], settings: world.settings)
                #expect(ending.status == 1 && ending.output.isEmpty, "\(words): \(ending)")
                #expect(ending.errors.contains("There is no channel `nope`"), "\(ending)")
                #expect(ending.errors.contains("`tokenward channels list`"), "\(ending)")
                expectOneSentence(ending)
            }
        }
    }

    @Test(arguments: [
        ("id,provider,access_token\na,youtube,x\nb,youtube\n", "line 3: 2 values where the header has 3 columns"),
        ("id,provider,acces_token\na,youtube,x\n", "line 1: unknown column `acces_token`"),
        ("id,provider,access_token\na,youtube,x\nb,nosuch,y\n", "line 3: there is no provider `nosuch`"),
        ("id,provider,access_token\na,youtube,x\n\na,youtube,y\n", "line 4: the id `a` stands at line 2 already"),
        ("id,provider,access_token\na,youtube,x\nb,amocrm,y\n", "line 3: amocrm needs the connection parameter"),
        ("id,provider,access_token,access_expires_at\na,youtube,x,soon\n", "line 2: `access_expires_at` is not a time"),
        ("id,provider,access_token\na,youtube,x\nb,youtube,\"y\n", "line 3: a quote is not closed"),
        ("id,provider,display_name\na,youtube,Shop\n", "line 2: `access_token` or `refresh_token` is required"),
        ("[{\"id\":\"a\",\"provider\":\"youtube\",\"accessToken\":7.5}]", "item 1: `accessToken` must be text"),
        ("[{\"id\":\"a\"", "the file is not a JSON array"),
        ("", "the file is empty"),
    ])
    func `a malformed import names its line and imports nothing`(_ file: String, _ sentence: String) async throws {
        try await World.with { world in
            try await world.migrate()
            let ending = try await world.run("channels", "import", "-", input: file)
            #expect(ending.status == 2 && ending.output.isEmpty, "\(ending)")
            #expect(ending.errors.contains(sentence), "\(ending)")
            #expect(ending.errors.contains("Nothing was imported."), "\(ending)")
            #expect(try await world.count("channels") == 0)
        }
    }

    @Test func `an import is all or nothing and replaces only when asked`() async throws {
        try await World.with { world in
            try await world.migrate()
            let file = world.directory + "/channels.csv"
            try Data("id,provider,access_token,refresh_token\na,youtube,x1,y1\nb,youtube,x2,y2\n".utf8)
                .write(to: URL(filePath: file))
            let tried = try await world.run("channels", "import", file, "--dry-run")
            #expect(tried.output == "2 channels are fine; nothing was imported.\n", "\(tried)")
            #expect(try await world.count("channels") == 0)
            #expect(try await world.run("channels", "import", file).output == "2 channels imported.\n")
            try Data("id,provider,access_token,refresh_token\nc,youtube,x3,y3\na,youtube,x4,y4\n".utf8)
                .write(to: URL(filePath: file))
            let refused = try await world.run("channels", "import", file)
            #expect(refused.status == 1 && refused.errors.contains("exist already: a."), "\(refused)")
            #expect(refused.errors.contains("--replace"), "\(refused)")
            #expect(try await world.count("channels") == 2)
            #expect(try await world.run("channels", "import", file, "--replace").status == 0)
            #expect(try await world.count("channels") == 3)
            let shown = try Value(parsing: try await world.run("channels", "show", "a").output)
            #expect(shown["epoch"] == .number(2), "\(shown)")
        }
    }

    @Test func `a key ring that does not fit is refused and leaves everything as it is`() async throws {
        try await World.with { world in
            try await world.migrate()
            try await world.importChannels([world.channel("shop")])
            let other = Data((101...132).map { UInt8($0) }).base64EncodedString()
            let rings = [
                ("k1:AAAA", "Key 1 of the key ring has 3 bytes and must have 32"),
                (World.keys + "," + World.keys, "two keys with the id `k1`"),
                ("nonsense", "Key 1 of the key ring has no id"),
                ("k 1:" + other, "The id of key 1 of the key ring must be"),
                ("k1:????", "Key 1 of the key ring"),
                ("k2:" + other, "sealed with the key `k1`, which TOKENWARD_KEYS does not hold"),
                ("k1:" + other, "The key `k1` in TOKENWARD_KEYS is not the one"),
                ("", "there is no key ring: set TOKENWARD_KEYS"),
            ]
            for (ring, sentence) in rings {
                for words in [["channels", "list"], ["serve"]] {
                    let ending = try await Program.run(words, settings: world.settings(with: ["TOKENWARD_KEYS": ring]))
                    #expect(ending.status == 2 && ending.output.isEmpty, "\(ending)")
                    #expect(ending.errors.contains(sentence), "\(ending)")
                    #expect(!ending.errors.contains(other), "a key is told: \(ending)")
                    expectOneSentence(ending)
                }
            }
            let both = try await world.run(
                "channels", "list", settings: ["TOKENWARD_KEYS": "k2:\(other),\(World.keys)"])
            #expect(both.status == 0 && both.output.contains("shop"), "\(both)")
        }
    }

    @Test func `a refresh on demand says how each channel ended`() async throws {
        try await World.with { world in
            try await world.migrate()
            try await world.importChannels([
                world.channel("fresh", tenant: "acme"), world.channel("dead", lifetime: .seconds(30)),
            ])
            world.provider.revoke(provider: .youtube, account: "dead")
            let dry = try await world.run("refresh", "--tenant", "acme", "--dry-run", "--force")
            #expect(dry.status == 0 && dry.output.contains("✅ fresh (tenant acme): would be refreshed"), "\(dry)")
            #expect(dry.output.contains("✅ would be refreshed: 1\n   ⏭️ skipped: 0\n   ❌ failed: 0"), "\(dry)")
            let early = try await world.run("refresh", "--channel", "fresh")
            #expect(early.status == 0 && early.output.contains("⏭️ fresh (tenant acme): skipped: "), "\(early)")
            #expect(world.provider.snapshot().requests == 0)
            let forced = try await world.run("refresh", "--channel", "fresh", "--force", "--json")
            let report = try Value(parsing: forced.output)
            #expect(forced.status == 0 && report["succeeded"] == .number(1), "\(forced)")
            #expect(report["results"]?[0]?["outcome"] == .string("renewed"), "\(forced)")
            #expect(world.provider.snapshot()[.youtube, "fresh"]?.renewals == 1)
            let dead = try await world.run("refresh", "--channel", "dead", "--force")
            #expect(dead.status == 1, "\(dead)")
            #expect(dead.output.contains("❌ dead (tenant default): reauthorization_required: "), "\(dead)")
            #expect(dead.output.contains("✅ refreshed: 0\n   ⏭️ skipped: 0\n   ❌ failed: 1"), "\(dead)")
            let token = try await world.run("channels", "token", "dead")
            #expect(token.status == 1 && token.errors.contains("No valid token can be had"), "\(token)")
        }
    }

    @Test func `destinations are listed and tested`() async throws {
        try await World.with { world in
            try await world.migrate()
            let list = try await world.run("destinations", "list")
            for id in ["env:slack", "env:email", "env:webhook"] { #expect(list.output.contains(id), "\(list)") }
            let told = try await world.run("destinations", "test")
            #expect(told.status == 0, "\(told)")
            #expect(world.slack.received == 1 && world.mail.received == 1 && world.webhook.received == 1, "\(told)")
            #expect(world.webhook.messages.first?.isSigned == true)
            world.slack.refuse(SinkRefusal(status: 404, body: "no_service"), times: nil)
            let failed = try await world.run("destinations", "test", "env:slack")
            #expect(failed.status == 1 && failed.output.contains("❌ env:slack "), "\(failed)")
            #expect(!failed.text.contains("/services/T0"), "the address is told: \(failed)")
            let unknown = try await world.run("destinations", "test", "nope")
            #expect(unknown.status == 1 && unknown.errors.contains("There is no destination `nope`"), "\(unknown)")
            let none = try await Program.run(
                ["destinations", "test"],
                settings: world.settings.filter {
                    ![
                        "SLACK_WEBHOOK_URL", "SMTP_URL", "SMTP_FROM", "SUPERADMIN_EMAILS", "WEBHOOK_URL",
                        "WEBHOOK_SECRET",
                    ].contains($0.key)
                })
            #expect(none.status == 1 && none.errors.contains("SLACK_WEBHOOK_URL"), "\(none)")
        }
    }

    @Test func `status tells counts to people and JSON to programs`() async throws {
        try await World.with { world in
            try await world.migrate()
            try await world.importChannels([world.channel("a"), world.channel("b", .amocrm)])
            let text = try await world.run("status")
            #expect(text.status == 0 && text.output.hasPrefix("healthy\ntotal 2, active 2, warning 0"), "\(text)")
            let json = try Value(parsing: try await world.run("status", "--json").output)
            #expect(json["channels"]?["total"] == .number(2))
            #expect(json["providers"]?["amocrm"]?["channels"] == .number(1))
            #expect(json["providers"]?["amocrm"]?["isValid"] == .bool(true))
        }
    }

    @Test func `a weak or missing admin token is refused`() async throws {
        try await World.with { world in
            try await world.migrate()
            for (token, sentence) in [
                ("short", "use at least 20 random characters"), ("", "set TOKENWARD_ADMIN_TOKEN"),
            ] {
                let ending = try await world.run("channels", "list", settings: ["TOKENWARD_ADMIN_TOKEN": token])
                #expect(ending.status == 2 && ending.errors.contains(sentence), "\(ending)")
                expectOneSentence(ending)
            }
            #expect(try await world.count("api_tokens") == 0)
        }
    }
}
