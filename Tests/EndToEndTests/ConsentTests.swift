import Domain
import FoundationEssentials
import Postgres
import Sandbox
import TestSupport
import Testing

/// From a dead grant to green by a consent at the sandbox, over HTTP.
@Suite(.timeLimit(.minutes(2))) struct ConsentTests {
    /// Every provider of the sandbox, with what its callback brings.
    @Test(arguments: SandboxPlatform.allCases)
    func `a consent turns a dead channel green`(_ platform: SandboxPlatform) async throws {
        try await Self.withDeadChannel("shop", platform) { world, _, client, link in
            var walk = ConsentWalk(world, client)
            #expect(try await client.post("/v1/channels/shop/link").json["link"]?.text == link)
            let page = try await walk.get(ConsentWalk.path(link))
            #expect(page.status == 200 && page.body.contains("<form method=\"post\""), "\(page)")
            let back = try await walk.allow(try await walk.press(link), as: "shop")
            let done = try await walk.get(back)
            #expect(done.status == 303, "\(done)")
            let green = try await walk.get(done.headers["location"] ?? "")
            #expect(green.status == 200 && green.body.contains("is well again"), "\(green)")
            let channel = try await client.get("/v1/channels/shop").json
            #expect(channel["status"]?.text == "active" && channel["warning"] == .null, "\(channel)")
            let newest = try #require(world.provider.grant(provider: platform, account: "shop")?.newest)
            let token = try await client.get("/v1/channels/shop/token").json
            #expect(token["accessToken"]?.text == newest.access.reveal())
        }
    }

    @Test func `tokens survive a kill between the code's answer and the database`() async throws {
        try await Self.withDeadChannel("shop", .youtube) { world, program, client, link in
            var walk = ConsentWalk(world, client)
            let back = try await walk.allow(try await walk.press(link), as: "shop")
            world.provider.inject(.slow(.seconds(2)), on: .provider(.youtube))
            let waiting = walk
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    var walk = waiting
                    _ = try? await walk.get(back)
                }
                try await eventually("the intent is written") {
                    try await world.count("authorizations WHERE state = 'redeeming'") == 1
                }
                try await world.database.pool.withConnection { connection in
                    // From here on the database takes no answer.
                    try await connection.execute("BEGIN; LOCK TABLE authorizations IN ACCESS EXCLUSIVE MODE")
                    try await eventually("the answer is in the journal") {
                        try await client.get("/metrics").body.split(separator: "\n").contains {
                            $0.hasPrefix("tokenward_journal_entries{state=\"open\"}") && !$0.hasSuffix(" 0")
                        }
                    }
                    program.kill()
                    _ = try await program.end()
                    try await connection.execute("ROLLBACK")
                }
                group.cancelAll()
            }
            #expect(try await world.count("authorizations WHERE state = 'redeeming'") == 1)
            try await world.serve { _, client in
                try await eventually("the next start finishes it") {
                    try await client.get("/v1/channels/shop").json["status"]?.text == "active"
                }
                let newest = try #require(world.provider.grant(provider: .youtube, account: "shop")?.newest)
                let token = try await client.get("/v1/channels/shop/token").json
                #expect(token["accessToken"]?.text == newest.access.reveal(), "\(token)")
                #expect(try await world.count("authorizations WHERE state = 'stored'") == 1)
            }
        }
    }

    /// Runs `body` with one channel whose user took the consent back, and the link to mend it.
    static func withDeadChannel(
        _ id: String, _ platform: SandboxPlatform, settings: [String: String] = [:],
        _ body: @Sendable (World, RunningProgram, Client, String) async throws -> Void
    ) async throws {
        let port = Int.random(in: 20_000..<30_000)
        var more = ["TOKENWARD_LISTEN": "127.0.0.1:\(port)"]
        if [.amocrm, .kommo, .tiktokShop].contains(platform) {
            let name = "TOKENWARD_APP_" + platform.rawValue.uppercased().replacing("-", with: "_") + "_REDIRECT_URI"
            more[name] = "http://127.0.0.1:\(port)/oauth/callback/\(platform.rawValue)"
        }
        try await World.with(more.merging(settings) { _, new in new }) { world in
            var app = world.provider.app(of: platform)
            app.redirectURI = "http://127.0.0.1:\(port)/oauth/callback/\(platform.rawValue)"
            world.provider.setApp(app, of: platform)
            try await world.migrate()
            try await world.importChannels([world.dueChannel(id, platform)])
            world.provider.revoke(provider: platform, account: id)
            try await world.serve { program, client in
                let link = try await eventual("the channel asks for its human") {
                    try await client.get("/v1/channels/\(id)").json["warning"]?["link"]?.text
                }
                try await body(world, program, client, link)
            }
        }
    }
}
