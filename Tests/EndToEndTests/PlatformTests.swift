import Domain
import FoundationEssentials
import Postgres
import Sandbox
import TestSupport
import Testing

/// Every entry of the catalogue against its platform's wire forms, well and badly behaved.
@Suite(.timeLimit(.minutes(2))) struct PlatformTests {
    /// Channels wait for nobody but this test.
    private static let settings = ["TOKENWARD_HTTP_TIMEOUT": "2s", "TOKENWARD_RETRY_DELAYS": "6h"]

    @Test func `every platform's answers come out as the contract's words`() async throws {
        try await World.with(Self.settings) { world in
            let world = try world.strict()
            try await world.migrate()
            let cases = SandboxPlatform.allCases.map { platform in
                (platform, PlatformCase.allCases.filter { $0.applies(to: platform) })
            }
            try await world.importChannels(
                cases.flatMap { platform, cases in
                    cases.flatMap { [channel($0, platform, in: world), wellChannel($0, platform, in: world)] }
                })
            try await world.serve { program, client in
                await withTaskGroup(of: Void.self) { group in
                    for (platform, cases) in cases {
                        group.addTask {
                            for scenario in cases {
                                let scene = PlatformScene(
                                    platform: platform, scenario: scenario, world: world, client: client)
                                await scene.play()
                            }
                        }
                    }
                }
                let ready = try await client.get("/readyz")
                #expect(ready.status == 200, "\(ready)\n\(program.text)")
            }
        }
    }

    /// One that works, beside each case.
    private func wellChannel(_ scenario: PlatformCase, _ platform: SandboxPlatform, in world: World) -> NewTestChannel {
        var channel = world.channel(PlatformScene.id(platform, scenario) + "-well", platform)
        channel.accessExpiresAt = "\(Date().timeIntervalSince1970 + 1800)"
        return channel
    }

    private func channel(_ scenario: PlatformCase, _ platform: SandboxPlatform, in world: World) -> NewTestChannel {
        var channel = world.channel(PlatformScene.id(platform, scenario), platform)
        // Half of the life is over, so that a renewal moves the end; but for the case that is about this.
        if scenario != .notExtended {
            channel.accessExpiresAt = "\(Date().timeIntervalSince1970 + 1800)"
        }
        return channel
    }

    @Test func `a token of unknown end is asked about where the provider tells, and left as it is`() async throws {
        try await World.with(Self.settings) { world in
            let world = try world.strict()
            try await world.migrate()
            let platforms: [SandboxPlatform] = [.oauth2, .youtube, .googleAds, .facebook, .facebookAds, .whatsapp]
            try await world.importChannels(
                platforms.map { platform in
                    var channel = world.channel("untold-\(platform.rawValue)", platform)
                    channel.accessExpiresAt = nil
                    return channel
                })
            try await world.serve { program, client in
                for platform in platforms {
                    let id = "untold-\(platform.rawValue)"
                    try await eventually("the end of \(id) is known") {
                        try await client.get("/v1/channels/\(id)").json["accessExpiresAt"]?.text != nil
                    }
                    let grant = try #require(world.provider.grant(provider: platform, account: id))
                    #expect(grant.requests == 0, "\(id): \(program.text)")
                }
            }
        }
    }

    @Test func `one byte a second ends a rotating refresh at its limit and leaves a doubt`() async throws {
        try await World.with { world in
            try await world.migrate()
            try await world.importChannels([world.channel("slow", .amocrm)])
            world.provider.inject(.dripping(every: .seconds(1)), on: .provider(.amocrm), times: nil)
            let start = ContinuousClock.now
            let ending = try await world.run("refresh", "--channel", "slow", "--force", within: .seconds(50))
            let took = start.duration(to: .now)
            #expect(
                ending.status == 1 && ending.output.contains("❌ slow (tenant default): unknown_outcome"), "\(ending)")
            #expect((Duration.seconds(29)...(.seconds(40))).contains(took))
            #expect(try await world.count("schedule WHERE channel_id = 'slow' AND doubt") == 1)
            #expect(world.provider.grant(provider: .amocrm, account: "slow")?.requests == 1)
        }
    }
}

/// One platform playing one case to one channel.
struct PlatformScene: Sendable {
    let platform: SandboxPlatform
    let scenario: PlatformCase
    let world: World
    let client: Client

    /// Also the account at the sandbox, so an amoCRM label.
    static func id(_ platform: SandboxPlatform, _ scenario: PlatformCase) -> String {
        "\(platform.rawValue)-\(scenario.rawValue.lowercased())"
    }

    private var id: String { Self.id(platform, scenario) }
    private var key: SandboxGrantKey { SandboxGrantKey(platform, id) }

    func play() async {
        do {
            if let fault = scenario.fault { world.provider.inject(fault, on: .grant(key)) }
            if scenario == .revoked { world.provider.revoke(provider: platform, account: id) }
            let expected = scenario.expected(of: platform)
            try await expect(expected, of: try await refresh(), requests: 1)
            if let again = expected.again {
                let reply = try await refresh()
                #expect(reply.json["outcome"]?.text == again, "\(id), again: \(reply)")
            }
            switch scenario {
            case .renewal: try await renewOnceMore()
            case .revoked: try await confirm()
            case .endUntold: try await expectInspectedEnd()
            default: break
            }
            // Failures while a whole provider fails are not counted as the channel's: a success comes between.
            if scenario != .appRejected, scenario != .rateLimited {
                let reply = try await client.post("/v1/channels/\(id)-well/refresh", #"{"force": true}"#)
                #expect(reply.json["outcome"]?.text == "renewed", "\(id)-well: \(reply)")
            }
        } catch {
            Issue.record(error, "\(id)")
        }
    }

    private func refresh() async throws -> Reply {
        try await client.post("/v1/channels/\(id)/refresh", #"{"force": true}"#)
    }

    private func expect(_ expected: PlatformCase.Expected, of reply: Reply, requests: Int) async throws {
        #expect(reply.status == 200 && reply.json["outcome"]?.text == expected.outcome, "\(id): \(reply)")
        let grant = try #require(world.provider.grant(provider: platform, account: id))
        #expect(grant.requests == requests && grant.renewals == expected.renewals, "\(id): \(grant)")
        let channel = try await client.get("/v1/channels/\(id)").json
        #expect(channel["status"]?.text == expected.status, "\(id): \(channel)")
        #expect(channel["consecutiveFailures"]?.number == Double(expected.failures), "\(id): \(channel)")
        #expect(channel["lastOutcome"]?.text == expected.outcome, "\(id): \(channel)")
        let isDoubtful = try await world.count("schedule WHERE channel_id = $1 AND doubt", [.text(id)]) == 1
        #expect(isDoubtful == expected.doubt, "\(id)")
    }

    /// The token that came is served, and what a refresh presents next.
    private func renewOnceMore() async throws {
        let first = try await newestIsServed()
        // An end that moves by seconds only would count as not moved.
        try await world.passHalfAnHour(of: id)
        let reply = try await refresh()
        var expected = PlatformCase.Expected(outcome: "renewed")
        expected.renewals = 2
        try await expect(expected, of: reply, requests: 2)
        let second = try await newestIsServed()
        #expect(second.newest.access != first.newest.access && second.reuses == 0, "\(id): \(second)")
        if !platform.isFree && platform.hasRefreshToken {
            #expect(second.newest.refresh != first.newest.refresh, "\(id)")
        }
    }

    /// What the answer leaves out, the provider's inspection tells.
    private func expectInspectedEnd() async throws {
        let grant = try #require(world.provider.grant(provider: platform, account: id))
        let channel = try await client.get("/v1/channels/\(id)").json
        let end = try #require(
            channel["accessExpiresAt"]?.text.flatMap { try? Date($0, strategy: .iso8601) }, "\(channel)")
        #expect(abs(end.timeIntervalSince(grant.newest.accessExpiresAt)) <= 2, "\(id): \(channel)")
    }

    private func newestIsServed() async throws -> SandboxGrantSnapshot {
        let grant = try #require(world.provider.grant(provider: platform, account: id))
        let reply = try await client.get("/v1/channels/\(id)/token")
        #expect(reply.json["accessToken"]?.text == grant.newest.access.reveal(), "\(id): \(reply)")
        return grant
    }

    /// The second refusal flags the channel and tells people; the third is not asked for.
    private func confirm() async throws {
        let expected = PlatformCase.Expected(outcome: "reauthorization_required", status: "warning")
        try await expect(expected, of: try await refresh(), requests: 2)
        let channel = try await client.get("/v1/channels/\(id)").json
        #expect(channel["warning"]?["reason"]?.text == "reauthorization_required", "\(id): \(channel)")
        try await eventually("an incident of \(id) is open") {
            let incidents = try await client.get("/v1/incidents?state=open&channelId=\(id)").json["items"]?.items ?? []
            return incidents.count == 1 && incidents[0]["reason"]?.text == "reauthorization_required"
        }
        try await expect(expected, of: try await refresh(), requests: 2)
        #expect(try await client.get("/v1/channels/\(id)/token").status == 409)
    }
}

extension World {
    /// The sandbox's entries with the real number of confirmations and without pauses between renewals.
    fileprivate func strict() throws -> World {
        let path = directory + "/strict.yaml"
        let yaml = provider.catalogueOverlay().replacing("dead_confirmations: 1", with: "dead_confirmations: 2")
            .replacing("min_interval: 1s", with: "min_interval: 0s")
        try Data(yaml.utf8).write(to: URL(filePath: path))
        var world = self
        world.settings["TOKENWARD_CATALOGUE"] = path
        return world
    }

    fileprivate func passHalfAnHour(of channel: String) async throws {
        try await database.pool.withConnection { connection in
            _ = try await connection.query(
                """
                UPDATE credentials SET access_expires_at = access_expires_at - interval '30 minutes'
                 WHERE channel_id = $1
                """, [.text(channel)])
        }
    }
}
