import FoundationEssentials
import Postgres
import Sandbox
import TestSupport
import Testing

/// Who may ask, what is written down of it, and the work that outlives a request.
@Suite(.timeLimit(.minutes(3))) struct AccessTests {
    @Test func `an API token is shown once, opens what its role allows, and nothing once it is revoked`() async throws {
        try await World.with { world in
            try await world.serve { program, admin in
                let made = try await admin.post("/v1/api-tokens", #"{"name":"crm","role":"tenant:acme"}"#)
                #expect(made.status == 201, "\(made)")
                let token = try #require(made.json["token"]?.text)
                let id = try #require(made.json["id"]?.text)
                let acme = admin.with(token: token)
                #expect(try await acme.get("/v1/channels").status == 200)
                expectProblem(try await acme.get("/v1/api-tokens"), "forbidden", status: 403)
                let list = try await admin.get("/v1/api-tokens")
                #expect(list.body.contains(id) && !list.body.contains(token), "\(list)")
                #expect(try await admin.send("DELETE", "/v1/api-tokens/\(id)").status == 204)
                expectProblem(try await acme.get("/v1/channels"), "unauthorized", status: 401)
                expectProblem(try await admin.send("DELETE", "/v1/api-tokens/\(id)"), "unknown-api-token", status: 404)

                let past = #"{"name":"old","role":"probe","expiresAt":"2020-01-01T00:00:00Z"}"#
                let expired = try #require(try await admin.post("/v1/api-tokens", past).json["token"]?.text)
                expectProblem(try await admin.with(token: expired).get("/v1/channels"), "unauthorized", status: 401)
                let only = try #require(
                    try await admin.get("/v1/api-tokens").json["items"]?.items
                        .first { $0["role"] == .string("superadmin") }?["id"]?.text)
                expectProblem(try await admin.send("DELETE", "/v1/api-tokens/\(only)"), "last-superadmin", status: 409)

                let audit = try await admin.get("/v1/audit?subject=\(id)").json["items"]?.items ?? []
                #expect(audit.compactMap { $0["action"]?.text } == ["api_token.revoked", "api_token.created"])
                #expect(audit.allSatisfy { $0["actor"] == .string("admin") && $0["address"] == .string("127.0.0.1") })
                #expect(audit.allSatisfy { $0["requestId"]?.text?.isEmpty == false }, "\(audit)")
                #expect(!program.text.contains(token))
            }
        }
    }

    @Test func `every change of a channel is in the audit log, for its tenant and for superadmins`() async throws {
        try await World.with { world in
            try await world.migrate()
            try await world.addToken("tenant-token-of-acme-00", role: "tenant:acme")
            try await world.serve { _, admin in
                #expect(try await admin.post("/v1/channels", world.channel("a", tenant: "acme").json).status == 201)
                let changed = try await admin.send(
                    "PATCH", "/v1/channels/a", #"{"displayName":"New name","userId":null,"meta":{"k":[1]}}"#)
                #expect(changed.json["displayName"] == .string("New name") && changed.json["userId"] == .null)
                #expect(changed.json["meta"] == .object(["k": .array([.number(1)])]), "\(changed)")
                #expect(changed.json["epoch"] == .number(1))
                for verb in ["pause", "resume"] { _ = try await admin.post("/v1/channels/a/\(verb)") }
                #expect(try await admin.send("DELETE", "/v1/channels/a?revoke=false").status == 204)
                let acme = admin.with(token: "tenant-token-of-acme-00")
                for client in [admin, acme] {
                    let actions = try await client.get("/v1/audit?subject=a").json["items"]?.items
                        .compactMap { $0["action"]?.text }
                    #expect(
                        actions == [
                            "channel.disconnected", "channel.resumed", "channel.paused", "channel.changed",
                            "channel.created",
                        ])
                }
                let history = try await acme.get("/v1/channels/a/history?limit=2").json
                #expect(history["items"]?[0]?["outcome"] == .string("not_revoked"), "\(history)")
                let cursor = try #require(history["nextCursor"]?.text)
                let older = try await acme.get("/v1/channels/a/history?cursor=\(cursor)").json
                #expect(older["items"]?.items.last?["outcome"] == .string("created"), "\(older)")
            }
        }
    }

    @Test func `a token that asks too often is told when to come again`() async throws {
        try await World.with(["TOKENWARD_REQUEST_RATE": "2"]) { world in
            try await world.migrate()
            try await world.addToken("tenant-token-of-acme-00", role: "tenant:acme")
            try await world.serve { _, admin in
                let acme = admin.with(token: "tenant-token-of-acme-00")
                var statuses: [Int] = []
                for _ in 0..<12 { statuses.append(try await acme.get("/v1/channels").status) }
                #expect(statuses.first == 200 && statuses.contains(429), "\(statuses)")
                for _ in 0..<12 { #expect(try await admin.get("/v1/channels").status == 200) }
            }
        }
    }

    @Test func `a removed channel is revoked where that ends no other's consent`() async throws {
        try await World.with { world in
            try await world.serve { _, client in
                for id in ["one", "two"] { _ = try await client.post("/v1/channels", world.channel(id).json) }
                #expect(try await client.send("DELETE", "/v1/channels/one").status == 204)
                #expect(world.provider.grant(provider: .youtube, account: "one")?.isRevoked == false)
                let kept = try await client.get("/v1/channels/one/history?limit=1")
                #expect(kept.body.contains("other channels of the app are connected"), "\(kept)")
                #expect(try await client.send("DELETE", "/v1/channels/two?purge=true").status == 204)
                #expect(world.provider.grant(provider: .youtube, account: "two")?.isRevoked == true)
                for id in ["free", "asked"] {
                    _ = try await client.post("/v1/channels", world.channel(id, .oauth2).json)
                }
                #expect(try await client.send("DELETE", "/v1/channels/asked?revoke=false").status == 204)
                #expect(world.provider.grant(provider: .oauth2, account: "asked")?.isRevoked == false)
            }
        }
    }

    @Test func `explain, inspect and report say what the provider knows and flag nothing`() async throws {
        try await World.with { world in
            try await world.serve { program, client in
                for (id, platform) in [
                    ("yt", SandboxPlatform.youtube), ("fb", .facebook), ("ig", .instagram), ("crm", .amocrm),
                    ("tt", .tiktok), ("shop", .tiktokShop),
                ] {
                    let created = try await client.post("/v1/channels", world.channel(id, platform).json)
                    #expect(created.status == 201, "\(created)")
                    let answer = try await client.post("/v1/channels/\(id)/inspect").json
                    #expect(answer["result"] == .string(id == "shop" ? "unsupported" : "alive"), "\(id): \(answer)")
                    let explained = try await client.get("/v1/channels/\(id)/explain").json
                    #expect(explained["next"]?["rule"] == .string("before_expiry"), "\(explained)")
                }
                let early = try await client.post("/v1/channels/yt/report", #"{"epoch":7,"code":401}"#).json
                #expect(early["verdict"] == .string("old_epoch"), "\(early)")
                let first = try await client.post("/v1/channels/yt/report", #"{"epoch":1,"code":401}"#).json
                #expect(first["verdict"] == .string("alive"), "\(first)")
                let again = try await client.post("/v1/channels/yt/report", #"{"epoch":1,"code":"401"}"#).json
                #expect(again["verdict"] == .string("known"), "\(again)")
                let shop = try await client.post("/v1/channels/shop/report", #"{"epoch":1,"code":105002}"#).json
                #expect(shop["verdict"] == .string("refreshed"), "\(shop)")
                for id in ["yt", "shop"] {
                    #expect(try await client.get("/v1/channels/\(id)").json["status"] == .string("active"))
                }
                _ = try await client.get("/v1/channels/yt/token")
                try await eventually("reads are counted") {
                    try await client.get("/v1/channels/yt/explain").json["readers"]?[0]?["caller"] == .string("admin")
                }
                #expect(!program.text.contains("Fatal"))
            }
        }
    }

    @Test func `refreshes by list wait for their end, or go on as a job that survives a kill`() async throws {
        try await World.with { world in
            try await world.migrate()
            try await world.importChannels((0..<40).map { world.channel("c\(100 + $0)", tenant: "acme") })
            try await world.serve { _, client in
                let dry = try await client.post(
                    "/v1/refreshes?wait=20", #"{"tenantId":"acme","force":true,"dryRun":true}"#)
                #expect(dry.status == 200 && dry.json["succeeded"] == .number(40), "\(dry)")
                let part = try await client.post(
                    "/v1/refreshes?wait=20", #"{"channelIds":["c100","c101","nowhere"],"force":true}"#)
                #expect(part.json["processed"] == .number(2) && part.json["succeeded"] == .number(2), "\(part)")
                let later = try await client.post("/v1/refreshes", #"{"tenantId":"acme","delayMinutes":5}"#)
                #expect(later.status == 202 && later.json["state"] == .string("delayed"), "\(later)")
                let place = try #require(later.headers["location"])
                #expect(try await client.send("DELETE", place).json["state"] == .string("cancelled"))
                #expect(try await client.get("/v1/jobs").json["jobsCompleted"] == .number(2))
            }
            world.provider.inject(.slow(.seconds(1)), on: .provider(.youtube), times: nil)
            var job = ""
            try await world.serve(settings: ["TOKENWARD_CONCURRENCY": "4"]) { program, client in
                job = try #require(
                    try await client.post("/v1/refreshes", #"{"tenantId":"acme","force":true}"#).json["id"]?.text)
                try await eventually("it has begun") {
                    try await client.get("/v1/jobs/\(job)").json["state"] == .string("active")
                }
                program.kill()
                _ = try await program.end(within: .seconds(5))
            }
            world.provider.removeFaults()
            try await world.endLeases()
            try await world.serve { program, client in
                try await eventually(within: .seconds(30), "the job is completed") {
                    try await client.get("/v1/jobs/\(job)").json["state"] == .string("completed")
                }
                let ended = try await client.get("/v1/jobs/\(job)").json
                #expect(ended["processed"] == .number(40), "\(ended)\n\(program.text)")
            }
        }
    }
}

extension World {
    /// The leases of a killed process, as if their time were over.
    fileprivate func endLeases() async throws {
        try await database.pool.withConnection { connection in
            try await connection.execute(
                "UPDATE jobs SET lease_until = now() - interval '1 second'; UPDATE schedule SET lease_until = NULL;")
        }
    }
}
