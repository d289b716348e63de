import FoundationEssentials
import Postgres
import Subprocess
import TestSupport
import Testing

/// Cleanup, audit, statistics and status as people use them.
@Suite(.timeLimit(.minutes(3))) struct KeepingTests {
    @Test func `a cleanup counts, then removes, and leaves live refresh tokens alone`() async throws {
        try await World.with { world in
            try await world.migrate()
            var expired = world.channel("expired", left: -3000)
            expired.accessExpiresAt = "\(Date().timeIntervalSince1970 - 60 * 86_400)"
            expired.accessIssuedAt = "\(Date().timeIntervalSince1970 - 61 * 86_400)"
            try await world.importChannels([
                expired, world.channel("gone", left: 120), world.channel("here", left: 120),
            ])
            #expect(try await world.run("channels", "remove", "gone", "--no-revoke").status == 0)
            try await world.sql(
                """
                UPDATE channels SET disconnected_at = now() - interval '8 days' WHERE id = 'gone';
                INSERT INTO changes (actor, action, subject, at) VALUES ('test', 'x', 'y', now() - interval '500 days');
                """)
            let dry = try await world.run("cleanup", "--dry-run", "--json")
            let counts = try #require(try? Value(parsing: dry.output), "\(dry)")
            #expect(counts["secrets"] == .number(1) && counts["changes"] == .number(1), "\(dry)")
            #expect(try await world.count("channels WHERE shredded_at IS NOT NULL") == 0)
            #expect(try await world.run("cleanup", "--dry-run").output.contains("nothing was changed"))
            try await world.serve { program, client in
                let job = try await client.post("/v1/jobs?wait=20", #"{"kind":"cleanup","dryRun":true}"#)
                #expect(job.status == 200 && job.json["cleanup"]?["secrets"] == .number(1), "\(job)")
                let done = try await client.post("/v1/jobs?wait=20", #"{"kind":"cleanup"}"#)
                #expect(done.json["kind"]?.text == "cleanup" && done.json["state"]?.text == "completed", "\(done)")
                #expect(done.json["cleanup"]?["changes"] == .number(1) && done.json["processed"]?.number ?? 0 >= 2)
                #expect(try await world.count("changes WHERE at < now() - interval '400 days'") == 0)
                #expect(try await client.get("/v1/channels/gone").json["hasRefreshToken"] == .bool(false))
                // Its access token ended two months ago; its refresh token brought the next one.
                try await eventually(within: .seconds(20), "the expired one is renewed", evidence: { program.text }) {
                    try await client.get("/v1/channels/expired").json["epoch"]?.number ?? 0 >= 2
                }
                #expect(try await client.get("/v1/channels/expired").json["hasRefreshToken"] == .bool(true))
                let history = try await client.get("/v1/channels/gone/history?format=csv&actor=cleanup")
                #expect(history.body.contains(",shredded,cleanup,"), "\(history)")
                let tenant = try await client.post("/v1/api-tokens", #"{"name":"t","role":"tenant:acme"}"#)
                let token = try #require(tenant.json["token"]?.text)
                #expect(try await client.with(token: token).post("/v1/jobs", #"{"kind":"cleanup"}"#).status == 403)
                #expect(!program.text.contains("request.failed"), "\(program.text)")
            }
            let again = try await world.run("cleanup")
            #expect(again.status == 0 && again.output.contains("0 disconnected channels' secrets"), "\(again)")
        }
    }

    @Test func `the audit is read by window and as a table that a spreadsheet can open`() async throws {
        try await World.with { world in
            try await world.migrate()
            try await world.sql(
                """
                INSERT INTO changes (actor, action, subject, tenant_id, detail, at)
                SELECT 'crm', 'channel.changed', 'c' || n, 'acme', '=HYPERLINK("x")', '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 day'
                  FROM generate_series(0, 699) n;
                INSERT INTO changes (actor, action, subject, tenant_id) VALUES ('crm', 'channel.changed', 'theirs', 'other');
                """)
            let csv = try await world.run("audit", "--tenant", "acme", "--csv")
            let lines = csv.output.split(separator: "\n")
            #expect(lines.count == 701 && !csv.output.contains("theirs"), "\(lines.count)")
            #expect(lines[1].contains(#""'=HYPERLINK(""x"")""#), "\(lines[1])")
            let day = try await world.run(
                "audit", "--since", "2026-03-01T00:00:00Z", "--until", "2026-03-03T00:00:00Z", "--json")
            #expect(
                try Value(parsing: day.output)["items"]?.items.compactMap { $0["subject"]?.text } == ["c60", "c59"])
            #expect(try await world.run("audit", "--since", "yesterday").status == 2)
            try await world.serve { _, client in
                var path: String? = "/v1/audit?tenantId=acme&limit=500"
                var rows = 0
                while let next = path {
                    let page = try await client.get(next, headers: ["Accept": "text/csv"])
                    #expect(page.headers["content-type"]?.hasPrefix("text/csv") == true, "\(page.headers)")
                    rows += page.body.split(separator: "\r\n").count - 1
                    path = page.headers["link"].map { String($0.dropFirst().prefix { $0 != ">" }) }
                }
                #expect(rows == 700)
                let window = "since=2026-03-01T00:00:00Z&until=2026-03-02T00:00:00Z"
                #expect(try await client.get("/v1/audit?actor=crm&\(window)").json["items"]?.items.count == 1)
            }
        }
    }

    @Test func `status is a picture on a terminal and plain text elsewhere`() async throws {
        try await World.with { world in
            try await world.migrate()
            try await world.importChannels([world.channel("fine", left: 120), world.channel("broken", left: 120)])
            try await world.sql(
                """
                UPDATE schedule SET status = 2, reason = 'reauthorization_required', due_at = NULL WHERE channel_id = 'broken';
                INSERT INTO conditions (channel_id, code, message, since) VALUES ('broken', 'invalid_grant', 'x', now() - interval '3 hours');
                """)
            _ = try await world.run("schedules", "add", "--tenant", "acme", "--every", "60")
            let plain = try await world.run("status")
            #expect(plain.status == 0 && !plain.output.contains("█") && !plain.output.contains("\u{1B}"), "\(plain)")
            for part in [
                "needs attention", "needs a human", "broken", "reauthorization_required", "3 h ago", "refresh acme",
            ] {
                #expect(plain.output.contains(part), "no \(part): \(plain)")
            }
            let picture = try await terminal(world, "status")
            #expect(picture.contains("█") && picture.contains("▒") && picture.contains("\u{1B}[32m"), "\(picture)")
            let colourless = try await terminal(world, "status", ["NO_COLOR": "1"])
            #expect(colourless.contains("█") && !colourless.contains("\u{1B}"), "\(colourless)")
            let json = try await world.run("status", "--json")
            #expect(try Value(parsing: json.output)["channels"]?["warning"] == .number(1))
            let statistics = try await world.run("statistics", "--json")
            #expect(try Value(parsing: statistics.output)["totalChannels"] == .number(2), "\(statistics)")
            #expect(try await world.run("statistics").output.contains("youtube"))
        }
    }

    /// What the program writes to a terminal, by script(1).
    private func terminal(_ world: World, _ command: String, _ more: [String: String] = [:]) async throws -> String {
        let environment = Program.environment(world.settings(with: more)).merging(["TERM": "xterm"]) { _, new in new }
        let result = try await Subprocess.run(
            .name("script"),
            arguments: ["--quiet", "--return", "--command", "\(Program.path) \(command)", "/dev/null"],
            environment: .custom(
                Dictionary(uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0.key), $0.value) })
            ),
            output: .string(limit: 1 << 20), error: .string(limit: 1 << 16))
        return result.standardOutput + result.standardError
    }
}

extension World {
    fileprivate func sql(_ script: String) async throws {
        try await database.pool.withConnection { try await $0.execute(script) }
    }
}
