import Domain
import FoundationEssentials
import Postgres
import Sandbox
import TestSupport
import Testing

/// Many consumers that want one token at the same moment.
@Suite(.timeLimit(.minutes(3))) struct PlatformCallersTests {
    private static let callersEach = 100

    @Test(arguments: [SandboxPlatform.oauth2, .youtube])
    func `two hundred callers over two replicas cause one refresh`(_ platform: SandboxPlatform) async throws {
        try await World.with { world in
            try await world.migrate()
            var channel = world.channel("shared", platform)
            let now = Date().timeIntervalSince1970
            channel.accessIssuedAt = "\(now - 3570)"
            channel.accessExpiresAt = "\(now + 30)"
            try await world.importChannels([channel])
            // Long enough for all to arrive while it is under way.
            world.provider.inject(.slow(.seconds(2)), on: .provider(platform), times: nil)
            try await world.serve { first, client in
                let second = ["TOKENWARD_DATA_DIR": world.directory + "/second"]
                try await world.serve(settings: second) { other, otherClient in
                    let tokens = try await ask([client.address, otherClient.address], in: world.directory)
                    let grant = try #require(world.provider.grant(provider: platform, account: "shared"))
                    let log = "\(grant)\n\(first.text)\n\(other.text)"
                    #expect(tokens.count == 2 * Self.callersEach)
                    #expect(Set(tokens) == [grant.newest.access.reveal()], "\(log)")
                    #expect(grant.requests == 1 && grant.renewals == 1 && grant.inFlightMax == 1, "\(log)")
                }
            }
        }
    }

    @Test func `a thousand callers for a thousand channels cause a thousand refreshes`() async throws {
        try await World.with { world in
            try await world.migrate()
            let now = Date().timeIntervalSince1970
            try await world.importChannels(
                (0..<1000).map { number in
                    var channel = world.channel("c\(1000 + number)", .oauth2)
                    channel.accessIssuedAt = "\(now - 3000)"
                    // Not due by itself while the test runs: the margin is 20 s.
                    channel.accessExpiresAt = "\(now + 600)"
                    return channel
                })
            try await world.serve { program, client in
                let place = world.directory + "/callers"
                try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
                _ = try await Peers.output(
                    "/usr/bin/curl",
                    [
                        "--silent", "--show-error", "--noproxy", "*", "--max-time", "60", "--parallel",
                        "--parallel-immediate", "--parallel-max", "200", "--header",
                        "Authorization: Bearer \(World.adminToken)", "--output", "\(place)/#1",
                        "http://\(client.address)/v1/channels/c[1000-1999]/token?minTtl=1500",
                    ])
                let tokens = try FileManager.default.contentsOfDirectory(atPath: place).map { name in
                    let text = try String(contentsOfFile: "\(place)/\(name)", encoding: .utf8)
                    return try Value(parsing: text)["accessToken"]?.text ?? text
                }
                #expect(Set(tokens).count == 1000, "\(tokens.prefix(3))\n\(program.text.suffix(2000))")
                for number in 0..<1000 {
                    let grant = try #require(world.provider.grant(provider: .oauth2, account: "c\(1000 + number)"))
                    guard grant.requests == 1, tokens.contains(grant.newest.access.reveal()) else {
                        Issue.record("c\(1000 + number): \(grant)")
                        break
                    }
                }
            }
        }
    }

    @Test func `a row that is locked for a moment is waited for`() async throws {
        try await World.with { world in
            try await world.migrate()
            var channel = world.channel("shared", .oauth2)
            let now = Date().timeIntervalSince1970
            channel.accessIssuedAt = "\(now - 3540)"
            channel.accessExpiresAt = "\(now + 60)"
            try await world.importChannels([channel])
            try await world.serve { program, client in
                let lock = try await world.database.connect()
                try await lock.execute("BEGIN; SELECT FROM schedule WHERE channel_id = 'shared' FOR NO KEY UPDATE")
                async let asked = client.get("/v1/channels/shared/token?minTtl=120")
                // The claim passes over the locked row meanwhile; the caller must not be told that this was all.
                for _ in 0..<10 { _ = try await client.get("/v1/channels/shared") }
                try await lock.execute("COMMIT")
                await lock.close()
                let reply = try await asked
                let grant = try #require(world.provider.grant(provider: .oauth2, account: "shared"))
                #expect(reply.json["accessToken"]?.text == grant.newest.access.reveal(), "\(reply)\n\(program.text)")
                #expect(reply.json["stale"]?.bool == false && grant.requests == 1)
            }
        }
    }

    /// Asks every replica at once from one process; the access tokens that came.
    private func ask(_ addresses: [String], in directory: String) async throws -> [String] {
        let place = directory + "/callers"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let urls = addresses.enumerated().flatMap { index, address in
            [
                "--output", "\(place)/\(index)-#1",
                "http://\(address)/v1/channels/shared/token?minTtl=60&caller=[1-\(Self.callersEach)]",
            ]
        }
        _ = try await Peers.output(
            "/usr/bin/curl",
            [
                "--silent", "--show-error", "--noproxy", "*", "--max-time", "15", "--parallel", "--parallel-immediate",
                "--parallel-max", "\(addresses.count * Self.callersEach)", "--header",
                "Authorization: Bearer \(World.adminToken)",
            ] + urls)
        return try FileManager.default.contentsOfDirectory(atPath: place).map { name in
            let text = try String(contentsOfFile: "\(place)/\(name)", encoding: .utf8)
            return try Value(parsing: text)["accessToken"]?.text ?? text
        }
    }
}
