import Sandbox
import TestSupport
import Testing

struct ServeTests {
    @Test func `the service renews a channel that is due`() async throws {
        try await World.with { world in
            try await world.migrate()
            try await world.importChannels([world.channel("shop", lifetime: .seconds(21))])
            try await world.serve { program, client in
                try await eventually("the channel is renewed", evidence: { program.text }) {
                    world.provider.snapshot()[.youtube, "shop"].map { $0.renewals > 0 } ?? false
                }
                let reply = try await client.get("/v1/channels/shop")
                #expect(reply.status == 200, "\(reply)")
                program.terminate()
                #expect(try await program.end(within: .seconds(10)).status == 0)
            }
        }
    }
}
