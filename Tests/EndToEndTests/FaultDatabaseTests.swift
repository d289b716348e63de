import Sandbox
import TestSupport
import Testing

struct FaultDatabaseTests {
    @Test func `a database that is killed under load costs no token and wakes no one`() async throws {
        try await FaultCluster.with { cluster in
            try await World.with(["DATABASE_URL": cluster.uri]) { world in
                let ids = (1...24).map { "shop-\($0)" }
                world.provider.inject(.slow(.milliseconds(50)), on: .everything, times: nil)
                try await world.migrate()
                try await world.importChannels(world.rotatingChannels(ids, lifetime: .seconds(4)))
                try await world.serve { program, client in
                    let pulse = FaultPulse()
                    async let watching: Void = pulse.watch(client)
                    try await world.allRenewedAgain(ids) { program.text }

                    try await cluster.stopImmediately()
                    try await eventually("readiness sees the outage", evidence: { program.text }) {
                        try await client.get("/readyz").status == 503
                    }
                    try await cluster.start()
                    try await eventually("readiness sees its end", evidence: { program.text }) {
                        try await client.get("/readyz").status == 200
                    }
                    try await world.allRenewedAgain(ids) { program.text }

                    cluster.kill()
                    try await cluster.start()
                    try await world.allRenewedAgain(ids) { program.text }

                    await pulse.end()
                    try await watching
                    #expect(await pulse.bad == [])
                    #expect(await pulse.beats > 10)
                    for id in ids { try await world.newestIsStored(id, client) }
                    world.expectClean()
                    program.terminate()
                    let ending = try await program.end(within: .seconds(12))
                    #expect(ending.status == 0, "\(ending)")
                }
            }
        }
    }
}
