import Domain
import Postgres
import Sandbox
import TestSupport
import Testing

/// Mails through a server that nobody here wrote, read by a parser that forgives nothing.
@Suite(.timeLimit(.minutes(2))) struct PeersMailTests {
    /// No plain ASCII anywhere: subject and both parts must carry it.
    private static let name = "Bäckerei Łódź · кондитерская 🥐"

    @Test func `a test message arrives over STARTTLS with a login`() async throws {
        try await withMailWorld { world, server in
            let ending = try await world.run("destinations", "test")
            #expect(ending.status == 0 && ending.output.contains("✅ env:email"), "\(ending)")
            let tried = try #require(server.tries.first)
            #expect(server.tries.count == 1 && tried.isEncrypted && tried.isAuthenticated)
            #expect(tried.recipients == ["superadmin@test.example"])
            let mail = try #require(try await server.mails().first)
            #expect(
                mail.from == "Tokenward Wächter <wards@test.example>" && mail.to.contains("superadmin@test.example"))
            #expect(!mail.subject.isEmpty)
        }
    }

    @Test func `an incident is told in both parts of a well-formed mail`() async throws {
        try await withMailWorld { world, server in
            try await withDeadChannel(world) { program, client, link in
                try await eventually(within: .seconds(15), "the mail arrives", evidence: { program.text }) {
                    server.accepted == 1
                }
                let mail = try #require(try await server.mails().first)
                #expect(mail.subject.contains(Self.name), "\(mail.subject)")
                let text = try #require(mail.parts["text/plain"])
                let html = try #require(mail.parts["text/html"])
                for part in [text, html] {
                    #expect(part.contains(Self.name))
                    #expect(part.contains(link), "\(link) is not in \(part)")
                }
                #expect(mail.messageID.hasSuffix("@test.example>"))
                #expect(mail.headers["auto-submitted"] == "auto-generated")
                #expect(mail.headers["mime-version"] == "1.0" && mail.headers["date"] != nil)
                #expect(mail.headers["references"] == mail.headers["in-reply-to"])

                try await mend(world, client)
                try await eventually(within: .seconds(15), "the good news arrive", evidence: { program.text }) {
                    server.accepted == 2
                }
                let news = try #require(try await server.mails().last)
                #expect(news.messageID != mail.messageID)
                #expect(news.headers["references"] == mail.headers["references"])
            }
        }
    }

    @Test func `a wrong password is a clear sentence and shows nowhere`() async throws {
        try await withMailWorld(password: "wr0ng-secret") { world, server in
            let ending = try await world.run("destinations", "test")
            #expect(ending.status == 1, "\(ending)")
            #expect(
                ending.output.contains("❌ env:email The mail server refuses the user or password: correct SMTP_URL."),
                "\(ending)")
            #expect(!ending.text.contains("wr0ng-secret"))
            try await withDeadChannel(world) { program, client, _ in
                try await waitForDead(1, program, client)
                #expect(!program.text.contains("wr0ng-secret"))
                #expect(program.text.contains("delivery.failed"))
            }
            #expect(server.tries.isEmpty)
        }
    }

    @Test func `a mail that is put off is sent again`() async throws {
        try await withMailWorld(replies: ["451 4.3.0 come back later"]) { world, server in
            try await withDeadChannel(world) { program, client, _ in
                try await eventually(within: .seconds(15), "the first try is over", evidence: { program.text }) {
                    try await world.count("deliveries WHERE state = 'pending' AND attempts = 1 AND run_at > now()") == 1
                }
                #expect(server.accepted == 0)
                // A server that puts mails off wants to see minutes pass.
                #expect(
                    try await world.count("deliveries WHERE run_at > now() + interval '200 seconds'") == 1)
                try await world.bringForward()
                try await eventually(within: .seconds(15), "the mail arrives", evidence: { program.text }) {
                    server.accepted == 1
                }
                #expect(server.tries.map { String($0.reply.prefix(3)) } == ["451", "250"])
                #expect(try await server.mails().count == 1)
                try await eventually("nothing is left to deliver") {
                    try await world.count("deliveries WHERE state IN ('pending', 'sending')") == 0
                }
            }
        }
    }

    @Test func `a mail that is refused is dead and said to be`() async throws {
        try await withMailWorld(replies: ["550 5.1.1 no such user"]) { world, server in
            try await withDeadChannel(world) { program, client, _ in
                try await waitForDead(1, program, client)
                #expect(server.tries.count == 1 && server.accepted == 0)
                let status = try await client.get("/status").json
                #expect(status["healthy"]?.bool == false)
            }
        }
    }

    // MARK: Scenes

    private func withMailWorld<Answer: Sendable>(
        replies: [String] = [], password: String = PeerMailServer.escapedPassword,
        _ body: @Sendable (World, PeerMailServer) async throws -> Answer
    ) async throws -> Answer {
        try await World.with { world in
            try await PeerMailServer.with(in: world.directory, replies: replies) { server in
                var world = world
                world.settings = world.settings(with: server.settings(password: password))
                try await world.migrate()
                return try await body(world, server)
            }
        }
    }

    /// A running service with a channel whose consent was taken back; the link is the one people are sent.
    private func withDeadChannel(
        _ world: World, _ body: (RunningProgram, Client, String) async throws -> Void
    ) async throws {
        var channel = world.channel("bakery", .oauth2)
        channel.displayName = Self.name
        try await world.importChannels([channel])
        world.provider.revoke(provider: .oauth2, account: "bakery")
        try await world.serve { program, client in
            let refreshed = try await client.post("/v1/channels/bakery/refresh", #"{"force": true}"#)
            #expect(refreshed.json["outcome"]?.text == "reauthorization_required", "\(refreshed)")
            let link = try await eventual("the channel has a link", evidence: { program.text }) {
                try await client.get("/v1/channels/bakery").json["warning"]?["link"]?.text
            }
            try await body(program, client, link)
        }
    }

    private func mend(_ world: World, _ client: Client) async throws {
        let pair = world.provider.issue(provider: .oauth2, account: "bakery")
        let reply = try await client.send(
            "PUT", "/v1/channels/bakery/credential",
            #"{"accessToken": "\#(pair.access.reveal())", "refreshToken": "\#(pair.refresh?.reveal() ?? "")"}"#)
        #expect(reply.status == 200, "\(reply)")
    }

    private func waitForDead(_ count: Int, _ program: RunningProgram, _ client: Client) async throws {
        try await eventually(within: .seconds(15), "\(count) delivery is dead in /status", evidence: { program.text }) {
            try await client.get("/status").json["deliveries"]?["dead"]?.number == Double(count)
        }
    }
}

extension World {
    /// Makes every waiting delivery due.
    func bringForward() async throws {
        try await database.pool.withConnection { connection in
            _ = try await connection.query("UPDATE deliveries SET run_at = now() WHERE state = 'pending'")
        }
    }
}
