import FoundationEssentials
import TestSupport
import Testing

/// Against an authorization server that nobody here wrote.
@Suite(.timeLimit(.minutes(2))) struct PeersOAuthServerTests {
    /// Five seconds are a margin of 1.25 s: each channel is due again after less than four.
    private static let accessSeconds = 5
    private static let renewalsEach = 3

    @Test func `two replicas renew rotating tokens and never present one twice`() async throws {
        try await World.with { world in
            try await PeerOAuthServer.with(in: world.directory, grants: 25, accessSeconds: Self.accessSeconds) {
                server in
                try await seeTheDetectorFire(server, server.grants[0])
                let world = try world.talking(to: server)
                let grants = Array(server.grants.dropFirst())
                try await world.migrate()
                try await world.importChannels(grants.map { channel($0, server) })

                try await refuseWithoutTheAuthority(world, grants[0].id, server)
                try await world.serve { first, client in
                    let second = ["TOKENWARD_DATA_DIR": world.directory + "/second"]
                    try await world.serve(settings: second) { other, otherClient in
                        try await renewForAWhile(server, grants, first, other)
                        try await compareTokens(server, grants, client, otherClient)
                        first.terminate()
                        other.terminate()
                        for program in [first, other] {
                            let ending = try await program.end(within: .seconds(12))
                            #expect(ending.status == 0, "\(ending)")
                        }
                    }
                }
                try await presentStoredTokens(world, server, grants)
            }
        }
    }

    /// Without this nothing below would mean anything.
    private func seeTheDetectorFire(_ server: PeerOAuthServer, _ grant: PeerOAuthServer.Grant) async throws {
        #expect(try await server.refresh(grant.refresh).status == 200)
        #expect(try await server.refresh(grant.refresh).status == 400)
        let count = try #require(try await server.stats()[grant.id])
        #expect(count.reuses == 1 && count.isFamilyRevoked, "\(count)")
    }

    private func channel(_ grant: PeerOAuthServer.Grant, _ server: PeerOAuthServer) -> NewTestChannel {
        var channel = NewTestChannel(id: grant.id, provider: "oauth2")
        channel.params = ["token_url": server.tokenURL]
        channel.accessToken = grant.access
        channel.refreshToken = grant.refresh
        let now = Date().timeIntervalSince1970
        channel.accessIssuedAt = "\(now)"
        channel.accessExpiresAt = "\(now + Double(Self.accessSeconds))"
        return channel
    }

    private func refuseWithoutTheAuthority(_ world: World, _ id: String, _ server: PeerOAuthServer) async throws {
        let ending = try await world.run("refresh", "--channel", id, "--force", settings: ["TOKENWARD_CA_FILE": ""])
        #expect(ending.status == 1 && ending.output.contains("❌ \(id) (tenant default): transient"), "\(ending)")
        #expect(ending.output.lowercased().contains("certificate"), "\(ending)")
        #expect(try await server.stats()[id]?.refreshes == 0)
    }

    private func renewForAWhile(
        _ server: PeerOAuthServer, _ grants: [PeerOAuthServer.Grant], _ first: RunningProgram, _ second: RunningProgram
    ) async throws {
        try await eventually(
            within: .seconds(40), every: .milliseconds(400), "each of \(grants.count) channels is renewed three times",
            evidence: { "\(String(describing: try? await server.stats()))\n\(first.text)\n\(second.text)" }
        ) {
            let stats = try await server.stats()
            return grants.allSatisfy { stats[$0.id].map { $0.refreshes >= Self.renewalsEach } ?? false }
        }
    }

    /// What consumers are given is what the server holds for valid, and it is that user's.
    private func compareTokens(
        _ server: PeerOAuthServer, _ grants: [PeerOAuthServer.Grant], _ client: Client, _ other: Client
    ) async throws {
        for (index, grant) in grants.enumerated() {
            let client = index.isMultiple(of: 2) ? client : other
            // Between the two questions the token may be renewed once more.
            try await eventually("the token of \(grant.id) is the server's newest") {
                let reply = try await client.get("/v1/channels/\(grant.id)/token")
                guard let access = reply.json["accessToken"]?.text else { return false }
                return try await server.owner(of: access) == grant.id
            }
        }
        let channels = try await client.get("/v1/channels?status=active&limit=500").json["items"]?.items ?? []
        #expect(channels.count == grants.count)
    }

    /// The stored refresh tokens are the live ones: each brings one more renewal, and the detector is still silent.
    private func presentStoredTokens(
        _ world: World, _ server: PeerOAuthServer, _ grants: [PeerOAuthServer.Grant]
    ) async throws {
        let before = try await server.stats()
        let ending = try await world.run("refresh", "--provider", "oauth2", "--force", "--json")
        let results = try Value(parsing: ending.output)["results"]?.items ?? []
        #expect(results.count == grants.count)
        let after = try await server.stats()
        for grant in grants {
            let count = try #require(after[grant.id])
            #expect(count.reuses == 0 && count.live == 1 && !count.isFamilyRevoked, "\(grant.id): \(count)")
            let outcome = results.first { $0["channelId"]?.text == grant.id }
            // The last renewal of the loop may be younger than the provider's interval.
            if outcome?["reason"]?.text == "too_young" { continue }
            #expect(outcome?["outcome"]?.text == "renewed", "\(String(describing: outcome))")
            #expect(count.refreshes == (before[grant.id]?.refreshes ?? 0) + 1)
        }
    }
}

extension World {
    /// The built-in entry with the server's addresses, its client and its authority.
    fileprivate func talking(to server: PeerOAuthServer) throws -> World {
        let path = directory + "/oauth2.yaml"
        let yaml = "schema_version: 1\nproviders:\n  oauth2:\n    policy: {min_interval: 1s}\n"
        try Data(yaml.utf8).write(to: URL(filePath: path))
        var world = self
        world.settings["TOKENWARD_CATALOGUE"] = path
        world.settings["TOKENWARD_CA_FILE"] = server.certificates.authority
        world.settings["TOKENWARD_APP_OAUTH2_CLIENT_ID"] = server.client.id
        world.settings["TOKENWARD_APP_OAUTH2_CLIENT_SECRET"] = server.client.secret
        return world
    }
}
