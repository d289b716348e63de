import Domain
import Foundation
import Sandbox
import TestSupport
import Testing

/// Endpoints that stand on the app.
@Suite(.timeLimit(.minutes(1))) struct AppEndpointTests {
    @Test func `channels without endpoints use their app's`() async throws {
        try await World.with { world in
            var world = world
            world.settings["TOKENWARD_CATALOGUE"] = nil
            world.settings["TOKENWARD_APP_OAUTH2_TOKEN_URL"] = world.provider.baseURL + "/oauth2/token"
            try await world.migrate()
            try await world.importChannels([world.channel("a", .oauth2)])
            let ending = try await world.run("refresh", "--channel", "a", "--force")
            #expect(ending.status == 0 && ending.output.contains("✅"), "\(ending)")
            #expect(world.provider.grant(provider: .oauth2, account: "a")?.renewals == 1)
        }
    }

    @Test(arguments: ["http://login.example/token", "login.example", "https://u:p@login.example/t"])
    func `an endpoint that is none is refused before anything starts`(url: String) async throws {
        try await World.with { world in
            var world = world
            world.settings["TOKENWARD_CATALOGUE"] = nil
            world.settings["TOKENWARD_APP_OAUTH2_TOKEN_URL"] = url
            let ending = try await world.run("status")
            #expect(ending.status == 2 && "\(ending)".contains("token_url"), "\(ending)")
        }
    }
}
