import Domain
import FoundationEssentials
import Postgres
import Sandbox
import Subprocess
import TestSupport
import Testing

/// The HTTP interface of the running service: probes, metrics, who may ask, channels.
struct InterfaceTests {
    @Test func `probes, status and metrics answer without a token and tell no names`() async throws {
        try await World.with { world in
            try await world.migrate()
            try await world.importChannels([world.channel("shop", tenant: "secret-tenant")])
            try await world.serve { program, client in
                let anonymous = client.with(token: nil)
                for path in ["/healthz", "/livez"] {
                    let reply = try await anonymous.get(path)
                    #expect(reply.status == 200 && reply.body == "ok", "\(reply)")
                }
                let verbose = try await eventual("every loop has its line", evidence: { program.text }) {
                    let reply = try await anonymous.get("/healthz?verbose")
                    return ["refresh", "relay", "jobs"].allSatisfy { reply.body.contains("[+]\($0) ") } ? reply : nil
                }
                try await eventually("/readyz says ok") { try await anonymous.get("/readyz").body == "ok" }
                #expect(try await anonymous.send("HEAD", "/healthz").status == 200)
                try await eventually("/status counts the channel") {
                    try await anonymous.get("/status").json["channels"]?["total"] == .number(1)
                }
                let open = try await anonymous.get("/status")
                #expect(open.json["providers"] == nil && open.json["healthy"] == .bool(true), "\(open)")
                let known = try await client.get("/status").json
                #expect(known["providers"]?["youtube"]?["isValid"] == .bool(true), "\(known)")
                #expect(known["scheduler"]?["running"] == .bool(true), "\(known)")
                #expect(try await client.with(token: "wrong").get("/status").status == 401)
                let metrics = try await anonymous.get("/metrics")
                #expect(metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
                #expect(
                    metrics.body.contains("tokenward_channels{provider=\"youtube\",status=\"active\"} 1"), "\(metrics)")
                let lint = try await Subprocess.run(
                    .name("promtool"), arguments: ["check", "metrics"], input: .string(metrics.body, using: UTF8.self),
                    output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
                #expect(lint.terminationStatus.isSuccess, "\(lint.standardOutput)\(lint.standardError)")
                for reply in [open, verbose, metrics] {
                    for name in ["secret-tenant", "shop"] { #expect(!reply.body.contains(name), "\(reply)") }
                }
                program.terminate()
                #expect(try await program.end(within: .seconds(10)).status == 0)
            }
        }
    }

    @Test func `every route asks for a token and says what it misses`() async throws {
        try await World.with { world in
            try await world.serve { _, client in
                let routes = [
                    ("GET", "/v1/channels"), ("POST", "/v1/channels"), ("GET", "/v1/channels/a"),
                    ("DELETE", "/v1/channels/a"), ("PUT", "/v1/channels/a/credential"),
                    ("POST", "/v1/channels/a/pause"), ("POST", "/v1/channels/a/resume"),
                    ("POST", "/v1/channels/a/refresh"), ("GET", "/v1/channels/a/token"), ("GET", "/v1/incidents"),
                    ("GET", "/v1/incidents/1"),
                ]
                for token in [nil, "not-a-token-of-ours-000"] {
                    for (method, path) in routes {
                        let reply = try await client.with(token: token).send(method, path)
                        #expect(reply.status == 401, "\(method) \(path): \(reply)")
                        #expect(reply.headers["www-authenticate"] == "Bearer", "\(reply)")
                        expectProblem(reply, "unauthorized")
                    }
                }
                try await world.addToken("probe-token-000000000", role: "probe")
                let probe = client.with(token: "probe-token-000000000")
                expectProblem(try await probe.get("/v1/channels"), "forbidden", status: 403)
                #expect(try await probe.get("/status").json["providers"] != nil)
                for header in ["Basic YTpi", "Bearer", "Bearer ", "bearer \(String(repeating: "x", count: 600))"] {
                    let reply = try await client.with(token: nil).get(
                        "/v1/channels", headers: ["Authorization": header])
                    #expect(reply.status == 401, "\(header): \(reply)")
                }
                let lower = ["Authorization": "bearer \(World.adminToken)"]
                #expect(try await client.with(token: nil).get("/v1/channels", headers: lower).status == 200)
            }
        }
    }

    @Test func `unknown paths, methods and broken requests are problems that say what to do`() async throws {
        try await World.with { world in
            try await world.serve { _, client in
                expectProblem(try await client.get("/v2/channels"), "unknown-path", status: 404)
                expectProblem(try await client.get("/v1/channels/a/b/c"), "unknown-path", status: 404)
                let patch = try await client.send("PATCH", "/v1/channels", "{}")
                expectProblem(patch, "method-not-allowed", status: 405)
                #expect(patch.headers["allow"] == "GET, POST", "\(patch)")
                expectProblem(try await client.get("/v1/channels/nope"), "unknown-channel", status: 404)
                expectProblem(try await client.get("/v1/incidents/1"), "unknown-incident", status: 404)
                expectProblem(try await client.get("/v1/incidents/x"), "unknown-incident", status: 404)
                for query in ["limit=0", "limit=501", "limit=x", "status=gone", "expiringWithin=soon"] {
                    expectProblem(try await client.get("/v1/channels?\(query)"), "bad-request", status: 400)
                }
                for query in ["limit=0", "state=gone", "cursor=x"] {
                    expectProblem(try await client.get("/v1/incidents?\(query)"), "bad-request", status: 400)
                }
                for body in [
                    "", "[]", "{", "7", #"{"provider":7}"#, #"{"provider":"nosuch","accessToken":"x"}"#,
                    #"{"provider":"youtube"}"#, #"{"provider":"youtube","accessToken":"x","colour":"red"}"#,
                    #"{"provider":"youtube","accessToken":"x\u0000y"}"#,
                    #"{"provider":"youtube","accessToken":"x","id":"two words"}"#,
                    #"{"provider":"youtube","accessToken":"x","meta":"text"}"#,
                    #"{"provider":"oauth2","accessToken":"x","params":{"nosuch":"x"}}"#,
                ] {
                    expectProblem(try await client.post("/v1/channels", body), "bad-request", status: 400)
                }
                #expect(try await world.count("channels") == 0)
                for path in ["/v1/channels/%zz", "/v1/channels/%00"] {
                    #expect(try await client.get(path).status == 400, "\(path)")
                }
                let huge = "{\"provider\":\"" + String(repeating: "x", count: 3 << 20) + "\"}"
                #expect(try await client.post("/v1/channels", huge).status == 413)
            }
        }
    }

    @Test func `a channel is reached whatever its id is made of`() async throws {
        try await World.with { world in
            try await world.serve { _, client in
                for (id, path) in [("a/b", "a%2Fb"), ("100%", "100%25"), ("café", "caf%C3%A9"), ("?#&", "%3F%23%26")] {
                    let created = try await client.post("/v1/channels", world.channel(id).json)
                    #expect(created.status == 201, "\(created)")
                    #expect(try await client.get("/v1/channels/\(path)").json["id"] == .string(id))
                    #expect(try await client.get("/v1/channels/\(path)/token").json["epoch"] == .number(1))
                }
                expectProblem(try await client.get("/v1/channels/a/b"), "unknown-path", status: 404)
                expectProblem(
                    try await client.post("/v1/channels", world.channel("..").json), "bad-request", status: 400)
            }
        }
    }

    @Test func `a channel's life over the interface`() async throws {
        try await World.with { world in
            try await world.serve { _, client in
                let created = try await client.post("/v1/channels", world.channel("crm", .amocrm, tenant: "acme").json)
                #expect(created.status == 201, "\(created)")
                #expect(created.json["status"] == .string("active") && created.json["tenantId"] == .string("acme"))
                #expect(created.json["hasRefreshToken"] == .bool(true) && created.json["epoch"] == .number(1))
                expectProblem(
                    try await client.post("/v1/channels", world.channel("crm", .amocrm).json), "channel-exists",
                    status: 409)
                for id in ["a", "b", "c"] {
                    #expect(try await client.post("/v1/channels", world.channel(id).json).status == 201)
                }
                let first = try await client.get("/v1/channels?limit=3").json
                #expect(first["items"]?.items.compactMap { $0["id"]?.text } == ["a", "b", "c"])
                #expect(first["nextCursor"] == .string("c"), "\(first)")
                let second = try await client.get("/v1/channels?limit=3&cursor=c").json
                #expect(second["items"]?.items.compactMap { $0["id"]?.text } == ["crm"])
                #expect(second["nextCursor"] == .null, "\(second)")
                let filtered = try await client.get("/v1/channels?tenantId=acme&provider=amocrm&status=active&q=CRM")
                    .json
                #expect(filtered["items"]?.items.count == 1, "\(filtered)")
                #expect(try await client.get("/v1/channels?expiringWithin=5").json["items"] == .array([]))

                let pair = world.provider.issue(provider: .amocrm, account: "crm")
                let tokens =
                    #"{"accessToken":"\#(pair.access.reveal())","refreshToken":"\#(pair.refresh?.reveal() ?? "")"}"#
                let replaced = try await client.send("PUT", "/v1/channels/crm/credential", tokens)
                #expect(replaced.status == 200 && replaced.json["epoch"] == .number(2), "\(replaced)")
                #expect(replaced.json["params"] == .object(["subdomain": .string("crm")]), "\(replaced)")
                expectProblem(
                    try await client.send("PUT", "/v1/channels/crm/credential", "{}"), "bad-request", status: 400)
                expectProblem(
                    try await client.send("PUT", "/v1/channels/no/credential", tokens), "unknown-channel", status: 404)

                #expect(try await client.post("/v1/channels/crm/pause").json["status"] == .string("paused"))
                let paused = try await client.post("/v1/channels/crm/refresh", #"{"force":true}"#).json
                #expect(paused["outcome"] == .string("paused"), "\(paused)")
                #expect(try await client.post("/v1/channels/crm/resume").json["status"] == .string("active"))
                let dry = try await client.post("/v1/channels/a/refresh", #"{"force":true,"dryRun":true}"#).json
                #expect(dry["reason"] == .string("dry_run"), "\(dry)")
                let skipped = try await client.post("/v1/channels/a/refresh").json
                #expect(skipped["outcome"] == .string("not_due"), "\(skipped)")
                let renewed = try await client.post("/v1/channels/a/refresh", #"{"force":true}"#).json
                #expect(renewed["outcome"] == .string("renewed"), "\(renewed)")
                #expect(world.provider.grant(provider: .youtube, account: "a")?.renewals == 1)
                expectProblem(try await client.post("/v1/channels/no/refresh"), "unknown-channel", status: 404)

                #expect(try await client.send("DELETE", "/v1/channels/crm?purge=true").status == 204)
                #expect(try await client.get("/v1/channels/crm").json["status"] == .string("disconnected"))
                expectProblem(try await client.get("/v1/channels/crm/token"), "unknown-channel", status: 404)
                expectProblem(try await client.send("DELETE", "/v1/channels/no"), "unknown-channel", status: 404)
                let all = try await client.get("/v1/channels").body
                for grant in world.provider.snapshot().grants {
                    #expect(!all.contains(grant.newest.access.reveal()))
                }
            }
        }
    }
}

/// An answer of RFC 9457 that says what happened and how to mend it.
func expectProblem(
    _ reply: Reply, _ type: String, status: Int = 401, at location: SourceLocation = #_sourceLocation
) {
    #expect(reply.status == status, "\(reply)", sourceLocation: location)
    #expect(reply.headers["content-type"] == "application/problem+json", "\(reply)", sourceLocation: location)
    #expect(reply.json["type"] == .string("urn:tokenward:problem:\(type)"), "\(reply)", sourceLocation: location)
    #expect(reply.json["status"] == .number(Double(status)), "\(reply)", sourceLocation: location)
    for member in ["title", "detail", "hint"] {
        #expect(reply.json[member]?.text?.isEmpty == false, "\(member): \(reply)", sourceLocation: location)
    }
}

extension World {
    /// Records a bearer token as an administrator would.
    func addToken(_ token: String, role: String) async throws {
        try await database.pool.withConnection { connection in
            _ = try await connection.query(
                "INSERT INTO api_tokens (id, name, digest, role) VALUES ($1, $1, sha256(convert_to($1, 'UTF8')), $2)",
                [.text(token), .text(role)])
        }
    }
}
