import Domain
import FoundationEssentials
import Testing

@testable import Sandbox

@Suite("Demonstration")
struct DemoWorldTests {
    @Test func `about thirty channels span all platforms and several tenants`() {
        let channels = DemoWorld().channels(on: SandboxProvider())
        #expect((25...40).contains(channels.count))
        #expect(Set(channels.map(\.id)).count == channels.count)
        #expect(Set(channels.map(\.provider)) == Set(SandboxPlatform.allCases.map(\.rawValue)))
        #expect(Set(channels.map(\.tenantID)).count >= 3)
        for channel in channels {
            let life = channel.accessExpiresAt.timeIntervalSince(channel.accessIssuedAt)
            #expect((10...120).contains(life))
        }
    }

    @Test func `each channel's pair is the newest of its grant and can be refreshed`() async throws {
        try await withSandbox { sandbox in
            let client = try await RawClient(port: sandbox.port)
            defer { client.close() }
            for channel in DemoWorld().channels(on: sandbox) {
                let platform = try #require(SandboxPlatform(rawValue: channel.provider))
                let grant = try #require(sandbox.grant(provider: platform, account: channel.externalID))
                #expect(grant.newest.access == channel.access && grant.newest.refresh == channel.refresh)
                let key = SandboxGrantKey(platform, channel.externalID)
                #expect(try await client.refresh(key, channel.refresh ?? channel.access).status == 200)
            }
            #expect(sandbox.snapshot().reuses == 0)
        }
    }

    @Test func `a flag is due within 30 seconds and the app rejection comes later`() throws {
        let world = DemoWorld()
        #expect(world.steps.map(\.after) == world.steps.map(\.after).sorted())
        let revocation = try #require(world.steps.first { if case .revoke = $0.event { true } else { false } })
        #expect(revocation.after <= .seconds(10))
        let rejection = try #require(
            world.steps.first { if case .fault(.appRejected, _, _) = $0.event { true } else { false } })
        #expect(rejection.after >= .seconds(60))
        // Every step names a grant that exists.
        let sandbox = SandboxProvider()
        _ = world.channels(on: sandbox)
        for step in world.steps {
            switch step.event {
            case .revoke(let key), .fault(_, .grant(let key), _):
                #expect(sandbox.grant(provider: key.provider, account: key.account) != nil)
            default: break
            }
        }
    }

    @Test func `the script is applied by the clock`() async throws {
        let sandbox = SandboxProvider()
        let world = DemoWorld()
        _ = world.channels(on: sandbox)
        let clock = StillClock()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await world.run(on: sandbox, clock: clock) }
            await clock.waitForSleeper()
            #expect(sandbox.grant(provider: .instagram, account: "17841400000000001")?.isRevoked == false)
            var previous = Duration.zero
            for after in Set(world.steps.map(\.after)).sorted() {
                clock.advance(by: after - previous)
                previous = after
                if after != world.steps.last?.after { await clock.waitForSleeper() }
            }
            try await group.waitForAll()
        }
        #expect(sandbox.grant(provider: .instagram, account: "17841400000000001")?.isRevoked == true)
    }
}
