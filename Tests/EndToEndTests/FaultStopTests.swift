import Postgres
import Sandbox
import TestSupport
import Testing

struct FaultStopTests {
    @Test func `a stop waits for the call in flight and stores its answer`() async throws {
        try await World.with { world in
            let database = try await world.database.connect()
            world.provider.inject(.slow(.seconds(3)), on: .everything)
            try await world.migrate()
            try await world.importChannels(world.rotatingChannels(["shop"]))
            try await FaultRow.makeDue(database)
            try await world.serve { program, client in
                try await eventually("the request is at the provider", evidence: { program.text }) {
                    try world.grant("shop").inFlight == 1
                }
                program.terminate()
                let ending = try await program.end(within: .seconds(10))
                #expect(ending.status == 0, "\(ending)")
            }
            let row = try await FaultRow.only(database)
            #expect(row.epoch == 2 && !row.isHeld && !row.doubt && row.status == 1, "\(row)")
            try await world.serve { _, client in try await world.expectHome("shop", client) }
            world.expectClean()
            await database.close()
        }
    }

    @Test func `an idle service stops at once`() async throws {
        try await World.with { world in
            try await world.serve { program, client in
                #expect(try await client.get("/healthz").status == 200)
                program.terminate()
                let ending = try await program.end(within: .seconds(10))
                #expect(ending.status == 0, "\(ending)")
            }
        }
    }

    @Test func `a stop that comes while the service starts ends it in order`() async throws {
        try await World.with { world in
            let (database, locker) = (try await world.database.connect(), try await world.database.connect())
            try await world.migrate()
            try await locker.execute("BEGIN; LOCK TABLE api_tokens IN ACCESS EXCLUSIVE MODE")
            try await Program.start(["serve"], settings: world.settings) { program in
                try await eventually("the start waits for the lock", evidence: { program.text }) {
                    try await database.query(
                        """
                        SELECT count(*)::int8 AS n FROM pg_locks
                         WHERE relation = 'api_tokens'::regclass AND NOT granted
                        """
                    ).rows[0].int8("n") > 0
                }
                program.terminate()
                try await locker.execute("ROLLBACK")
                let ending = try await program.end(within: .seconds(10))
                #expect(ending.status == 0, "\(ending)")
            }
            await locker.close()
            await database.close()
        }
    }
}
