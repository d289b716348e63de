import Domain
import FoundationEssentials
import Sandbox
import TestSupport
import Testing

/// From a dead grant to green by a consent at the sandbox, over HTTP.
@Suite(.timeLimit(.minutes(2))) struct ConsentTests {
    /// Every provider of the sandbox, with what its callback brings.
    @Test(arguments: SandboxPlatform.allCases)
    func `a consent turns a dead channel green`(_ platform: SandboxPlatform) async throws {
        try await Self.withDeadChannel("shop", platform) { world, client, link in
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

    /// Runs `body` with one channel whose user took the consent back, and the link to mend it.
    static func withDeadChannel(
        _ id: String, _ platform: SandboxPlatform, settings: [String: String] = [:],
        _ body: @Sendable (World, Client, String) async throws -> Void
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
            try await world.serve { _, client in
                let link = try await eventual("the channel asks for its human") {
                    try await client.get("/v1/channels/\(id)").json["warning"]?["link"]?.text
                }
                try await body(world, client, link)
            }
        }
    }
}
