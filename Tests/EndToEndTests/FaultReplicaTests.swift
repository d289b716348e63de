import Postgres
import Sandbox
import TestSupport
import Testing

struct FaultReplicaTests {
    @Test func `two replicas share the work and never meet`() async throws {
        try await World.with { world in
            let ids = (1...30).map { "shop-\($0)" }
            world.provider.inject(.slow(.milliseconds(30)), on: .everything, times: nil)
            try await world.migrate()
            try await world.importChannels(world.rotatingChannels(ids, lifetime: .seconds(4)))
            try await world.serve { first, client in
                try await world.serve(settings: ["TOKENWARD_DATA_DIR": world.directory + "/second"]) { second, other in
                    for _ in 1...3 { try await world.allRenewedAgain(ids) { first.text + second.text } }
                    for id in ids { try await world.newestIsStored(id, client) }
                    try await eventually("both replicas renew") {
                        let (ours, theirs) = (try await Self.renewed(client), try await Self.renewed(other))
                        return ours > 0 && theirs > 0
                    }
                    for program in [first, second] {
                        program.terminate()
                        let ending = try await program.end(within: .seconds(10))
                        #expect(ending.status == 0, "\(ending)")
                    }
                }
            }
            world.expectClean()
        }
    }

    @Test func `an orphan is left alone before its lease ends, and before the clocks were watched that long`()
        async throws
    {
        try await World.with { world in
            let database = try await world.database.connect()
            world.provider.inject(.hang(), on: .grant(SandboxGrantKey(World.rotating, "orphan")))
            try await world.migrate()
            try await world.importChannels(world.rotatingChannels(["orphan"]))
            try await FaultRow.makeDue(database)
            try await world.serve(settings: ["TOKENWARD_DATA_DIR": world.directory + "/first"]) { program, _ in
                try await eventually("the request is at the provider", evidence: { program.text }) {
                    try world.grant("orphan").inFlight == 1
                }
                program.kill()
                _ = try await program.end()
            }
            let orphan = try await FaultRow.only(database)
            #expect(orphan.isLeased, "\(orphan)")
            try await world.importChannels(world.rotatingChannels(["busy"], lifetime: .seconds(4)))
            try await world.serve { program, _ in
                for isOver in [false, true] {
                    if isOver {
                        _ = try await database.query(
                            "UPDATE schedule SET lease_until = now() - interval '1 second' WHERE channel_id = 'orphan'")
                    }
                    for _ in 1...2 { try await world.allRenewedAgain(["busy"]) { program.text } }
                    let row = try #require(try await FaultRow.all(database).first { $0.id == "orphan" })
                    #expect(row.isHeld && row.attempt == orphan.attempt, "\(row)")
                    #expect(try world.grant("orphan").requests == 1)
                }
            }
            await database.close()
        }
    }

    /// The protocol's own times, 120 s of lease and 155 s to the replay, are what is tested: it takes these minutes.
    @Test func `an orphan is taken over when its lease has ended, and replayed when its class allows`() async throws {
        try await World.with { world in
            let database = try await world.database.connect()
            world.provider.inject(.hang(), on: .grant(SandboxGrantKey(World.rotating, "orphan")), times: 1)
            try await world.migrate()
            try await world.importChannels(world.rotatingChannels(["orphan"]))
            try await world.serve { survivor, client in
                try await world.serve(settings: ["TOKENWARD_DATA_DIR": world.directory + "/first"]) { victim, other in
                    async let request = try? await other.post("/v1/channels/orphan/refresh", #"{"force":true}"#)
                    try await eventually("the request is at the provider", evidence: { victim.text }) {
                        try world.grant("orphan").inFlight == 1
                    }
                    victim.kill()
                    _ = try await victim.end()
                    _ = await request
                }
                let orphan = try await FaultRow.only(database)
                #expect(orphan.isLeased && !orphan.doubt, "\(orphan)")

                try await eventually(
                    within: .seconds(150), every: .milliseconds(500), "the orphan is taken over",
                    evidence: { survivor.text }
                ) { try await FaultRow.only(database).attempt > orphan.attempt }
                let taken = try await FaultRow.only(database)
                #expect(taken.attempt - orphan.attempt >= 120_000_000, "\(taken)")
                #expect(taken.doubt && !taken.isHeld && taken.isScheduled && taken.status == 1, "\(taken)")
                #expect(try world.grant("orphan").requests == 1)

                try await eventually(
                    within: .seconds(60), every: .milliseconds(500), "the orphan is renewed",
                    evidence: { await world.account(of: "orphan", client) }
                ) { try await FaultRow.only(database).epoch == 2 }
                let renewed = try await FaultRow.only(database)
                #expect(renewed.attempt - orphan.attempt >= 155_000_000, "\(renewed)")
                #expect(!renewed.doubt && !renewed.isHeld && renewed.status == 1, "\(renewed)")
                #expect(try world.grant("orphan").requests == 2)
                try await world.expectHome("orphan", client)
                world.expectClean()
            }
            await database.close()
        }
    }

    private static func renewed(_ client: Client) async throws -> Double {
        let name = #"tokenward_refreshes_total{provider="oauth2",outcome="renewed"} "#
        let line = try await client.get("/metrics").body.split(separator: "\n").first { $0.hasPrefix(name) }
        return line.flatMap { Double($0.dropFirst(name.count)) } ?? 0
    }
}
