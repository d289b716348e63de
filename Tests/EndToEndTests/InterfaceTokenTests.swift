import Domain
import FoundationEssentials
import Postgres
import Sandbox
import TestSupport
import Testing

/// What applications and repairing people get: tokens, incidents, the page behind a link.
struct InterfaceTokenTests {
    @Test func `a token that lasts is served, one that does not is renewed first`() async throws {
        try await World.with { world in
            try await world.migrate()
            try await world.importChannels([world.channel("shop", lifetime: .seconds(900))])
            try await world.serve { _, client in
                let first = try await client.get("/v1/channels/shop/token")
                #expect(first.status == 200 && first.headers["cache-control"] == "no-store", "\(first)")
                let issued = try #require(world.provider.grant(provider: .youtube, account: "shop")?.newest)
                #expect(first.json["accessToken"] == .string(issued.access.reveal()))
                #expect(first.json["stale"] == .bool(false) && first.json["epoch"] == .number(1), "\(first)")
                #expect(first.json["tokenType"] == .string("Bearer") && first.json["expiresAt"] != .null)
                #expect(try await client.get("/v1/channels/shop/token?minTtl=300").json["epoch"] == .number(1))
                #expect(world.provider.snapshot().requests == 0)
                for query in ["minTtl=x", "minTtl=-1", "minTtl=604801"] {
                    expectProblem(try await client.get("/v1/channels/shop/token?\(query)"), "bad-request", status: 400)
                }
                try await world.age("shop", by: 700)
                let second = try await client.get("/v1/channels/shop/token?minTtl=300").json
                let renewed = try #require(world.provider.grant(provider: .youtube, account: "shop"))
                #expect(renewed.renewals == 1)
                #expect(second["accessToken"] == .string(renewed.newest.access.reveal()))
                #expect(second["epoch"] == .number(2) && second["stale"] == .bool(false), "\(second)")
            }
        }
    }

    @Test func `while the provider is down a valid token is served as stale and an expired one is not`() async throws {
        try await World.with { world in
            try await world.migrate()
            try await world.importChannels([
                world.channel("valid", lifetime: .seconds(900)), world.channel("over", lifetime: .seconds(900)),
            ])
            try await world.serve { _, client in
                world.provider.inject(.serverError(), on: .everything, times: nil)
                try await world.age("valid", by: 700)
                let stale = try await client.get("/v1/channels/valid/token?minTtl=300")
                #expect(stale.status == 200 && stale.json["stale"] == .bool(true), "\(stale)")
                try await world.age("over", by: 950)
                let none = try await client.get("/v1/channels/over/token")
                expectProblem(none, "no-valid-token", status: 503)
                #expect(none.headers["retry-after"].flatMap { Int($0) }.map { $0 >= 1 } == true, "\(none)")
                #expect(none.json["reason"]?.text?.isEmpty == false, "\(none)")
            }
        }
    }

    @Test func `a dead grant is told with a link to a page that opening does not change`() async throws {
        try await World.with { world in
            try await world.migrate()
            var dead = world.dueChannel("shop", tenant: "acme", user: "maria")
            dead.displayName = "Maria's <Bakery>"
            try await world.importChannels([dead])
            world.provider.revoke(provider: .youtube, account: "shop")
            try await world.serve { program, client in
                let problem = try await eventual("the token is refused with a link", evidence: { program.text }) {
                    let reply = try await client.get("/v1/channels/shop/token")
                    return reply.status == 409 && reply.json["link"]?.text != nil ? reply : nil
                }
                expectProblem(problem, "reauthorization-required", status: 409)
                #expect(problem.json["reason"] == .string("reauthorization_required"), "\(problem)")
                let channel = try await client.get("/v1/channels/shop").json
                #expect(channel["status"] == .string("warning"))
                #expect(channel["warning"]?["reason"] == .string("reauthorization_required"), "\(channel)")
                let link = try #require(channel["warning"]?["link"]?.text)
                #expect(problem.json["link"] == .string(link))
                let incidents = try await client.get("/v1/incidents?state=open&channelId=shop").json
                let incident = try #require(incidents["items"]?[0])
                #expect(incident["link"] == .string(link) && incident["tenantId"] == .string("acme"), "\(incidents)")
                let id = try #require(incident["id"]?.text)
                #expect(try await client.get("/v1/incidents/\(id)").json["channels"] == .array([.string("shop")]))

                let path = try #require(link.firstRange(of: "/reauthorize/").map { String(link[$0.lowerBound...]) })
                let visitor = client.with(token: nil)
                let before = try await world.writes()
                let page = try await visitor.get(path)
                #expect(page.status == 200, "\(page)")
                for part in ["Maria", "&lt;Bakery&gt;", "YouTube", "acme", "maria", "Since", "Works until"] {
                    #expect(page.body.contains(part), "\(part) is not on the page: \(page)")
                }
                #expect(!page.body.contains("<Bakery>"), "\(page)")
                expectGuarded(page)
                #expect(try await visitor.get(path).body == page.body)
                #expect(try await world.writes() == before, "opening the page wrote something")
                for cut in [String(path.dropLast(3)), path + "x", "/reauthorize/", "/reauthorize/k1.1.c2hvcA.AAAA"] {
                    let refused = try await visitor.get(cut)
                    #expect(refused.status == 404 && refused.body.contains("not valid"), "\(cut): \(refused)")
                    expectGuarded(refused)
                }
                let shown = try await world.run("channels", "link", "shop")
                #expect(shown.status == 0 && shown.output.contains("/reauthorize/"), "\(shown)")

                #expect(
                    try await client.send("PUT", "/v1/channels/shop/credential", world.channel("shop").tokens).status
                        == 200)
                try await eventually("the page says that nothing is to do") {
                    try await visitor.get(path).body.contains("well again")
                }
                #expect(try await client.get("/v1/channels/shop/token").status == 200)
            }
        }
    }

    @Test func `a tenant's token sees and changes that tenant's channels only`() async throws {
        try await World.with { world in
            try await world.migrate()
            try await world.importChannels([
                world.channel("ours", tenant: "acme"), world.dueChannel("theirs", tenant: "other"),
            ])
            try await world.addToken("tenant-token-of-acme-00", role: "tenant:acme")
            world.provider.revoke(provider: .youtube, account: "theirs")
            try await world.serve { program, admin in
                let acme = admin.with(token: "tenant-token-of-acme-00")
                let incident = try await eventual("the foreign channel has an incident", evidence: { program.text }) {
                    try await admin.get("/v1/incidents").json["items"]?[0]?["id"]?.text
                }
                #expect(
                    try await acme.get("/v1/channels").json["items"]?.items.compactMap { $0["id"]?.text } == ["ours"])
                #expect(try await acme.get("/v1/channels?tenantId=other").json["items"] == .array([]))
                #expect(try await acme.get("/v1/channels?q=theirs").json["items"] == .array([]))
                #expect(try await acme.get("/v1/incidents").json["items"] == .array([]))
                #expect(try await acme.get("/v1/incidents?channelId=theirs").json["items"] == .array([]))
                expectProblem(try await acme.get("/v1/incidents/\(incident)"), "unknown-incident", status: 404)
                let tokens = world.channel("stolen").tokens
                let foreign = [
                    ("GET", ""), ("DELETE", ""), ("PUT", "/credential"), ("POST", "/pause"), ("POST", "/resume"),
                    ("POST", "/refresh"), ("GET", "/token"),
                ]
                for (method, tail) in foreign {
                    let body = method == "PUT" ? tokens : ""
                    let there = try await acme.send(method, "/v1/channels/theirs\(tail)", body)
                    let nowhere = try await acme.send(method, "/v1/channels/nowhere\(tail)", body)
                    expectProblem(there, "unknown-channel", status: 404)
                    #expect(there.body == nowhere.body, "\(method) \(tail) tells that the channel exists")
                }
                #expect(try await admin.get("/v1/channels/theirs").json["epoch"] == .number(1))
                #expect(try await acme.get("/v1/channels/ours/token").status == 200)
                #expect(try await acme.get("/status").json["providers"] == nil)

                var mine = world.channel("new", tenant: "acme")
                expectProblem(try await acme.post("/v1/channels", mine.json), "bad-request", status: 400)
                let anonymous = mine.json.replacing("\"id\":\"new\",", with: "").replacing(",\"id\":\"new\"", with: "")
                let created = try await acme.post("/v1/channels", anonymous)
                #expect(created.status == 201 && created.json["tenantId"] == .string("acme"), "\(created)")
                mine.tenantId = "other"
                let smuggled = mine.json.replacing("\"id\":\"new\",", with: "").replacing(",\"id\":\"new\"", with: "")
                expectProblem(try await acme.post("/v1/channels", smuggled), "forbidden", status: 403)
                let host = #"{"provider":"oauth2","accessToken":"x","params":{"token_url":"https://evil.example/t"}}"#
                expectProblem(try await acme.post("/v1/channels", host), "bad-request", status: 400)
            }
        }
    }

    private func expectGuarded(_ page: Reply, at location: SourceLocation = #_sourceLocation) {
        let expected = [
            "content-type": "text/html; charset=utf-8", "cache-control": "no-store", "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
        ]
        for (name, value) in expected { #expect(page.headers[name] == value, "\(page)", sourceLocation: location) }
        let policy = page.headers["content-security-policy"] ?? ""
        #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "\(page)")
    }
}

extension NewTestChannel {
    /// Its tokens as `PUT …/credential` takes them.
    var tokens: String {
        let given = [
            "accessToken": accessToken, "refreshToken": refreshToken, "accessIssuedAt": accessIssuedAt,
            "accessExpiresAt": accessExpiresAt,
        ].compactMapValues { $0 }
        return (try? JSONEncoder().encode(given)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}

extension World {
    /// Makes a channel's tokens look older than they are, without waking the loop.
    func age(_ channel: String, by seconds: Int) async throws {
        try await database.pool.withConnection { connection in
            _ = try await connection.query(
                """
                UPDATE credentials SET access_issued_at = access_issued_at - make_interval(secs => $2),
                       access_expires_at = access_expires_at - make_interval(secs => $2) WHERE channel_id = $1
                """, [.text(channel), .float8(Double(seconds))])
        }
    }

    /// What the tables hold that a visit could have changed.
    func writes() async throws -> [Int64] {
        var counts: [Int64] = []
        for table in ["event", "audit", "incidents", "channels", "deliveries"] { counts.append(try await count(table)) }
        return counts
    }
}
