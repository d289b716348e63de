import Postgres
import Sandbox
import TestSupport
import Testing

/// kill -9 at each step of an attempt; the same data directory comes back.
struct FaultKillTests {
    @Test(arguments: [false, true])
    func `a replica that is killed before the answer leaves a doubt that one replay resolves`(
        isSpent: Bool
    ) async throws {
        try await World.with { world in
            let database = try await world.database.connect()
            world.provider.inject(.hang(afterRotating: isSpent), on: .everything)
            try await world.migrate()
            try await world.importChannels(world.rotatingChannels(["shop"]))
            try await FaultRow.makeDue(database)
            try await world.serve { program, _ in
                try await eventually("the request is at the provider", evidence: { program.text }) {
                    try world.grant("shop").inFlight == 1
                }
                program.kill()
                _ = try await program.end()
            }
            let orphan = try await FaultRow.only(database)
            #expect(orphan.isLeased, "\(orphan)")

            try await world.serve { program, client in
                try await eventually("the journal's claim is settled", evidence: { program.text }) {
                    try await FaultRow.only(database).isHeld == false
                }
                let settled = try await FaultRow.only(database)
                #expect(settled.doubt && settled.isScheduled && !settled.isDue && settled.status == 1, "\(settled)")
                #expect(try world.grant("shop").requests == 1)

                try await FaultRow.makeDue(database)
                try await eventually(
                    "the replay resolves the doubt", evidence: { await world.account(of: "shop", client) }
                ) {
                    let row = try await FaultRow.only(database)
                    return isSpent ? !row.isOpen : !row.doubt
                }
                if isSpent {
                    let reply = try await client.get("/v1/channels/shop")
                    #expect(reply.json["warning"]?["reason"]?.text == "reauthorization_required", "\(reply)")
                    #expect(reply.json["warning"]?["code"]?.text == "rotation_lost", "\(reply)")
                    #expect(try world.grant("shop").reuses == 1)
                } else {
                    try await world.expectHome("shop", client)
                    world.expectClean()
                }
            }
            await database.close()
        }
    }

    @Test func `a replica that is killed before the store brings the answer home from its journal`() async throws {
        try await World.with { world in
            let (database, locker) = (try await world.database.connect(), try await world.database.connect())
            try await world.migrate()
            try await world.importChannels(world.rotatingChannels(["shop"]))
            try await locker.execute("BEGIN; LOCK TABLE audit IN ACCESS EXCLUSIVE MODE")
            try await FaultRow.makeDue(database)
            try await world.serve { program, _ in
                try await eventually("the store waits for the lock", evidence: { program.text }) {
                    try await Self.waiting(database) > 0
                }
                program.kill()
                _ = try await program.end()
            }
            // The server does not know yet that its client is dead.
            _ = try await database.query(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'audit'::regclass AND NOT granted")
            try await eventually("the store is gone") { try await Self.waiting(database) == 0 }
            try await locker.execute("ROLLBACK")
            let lost = try await FaultRow.only(database)
            #expect(lost.isHeld && lost.epoch == 1, "\(lost)")
            #expect(try world.grant("shop").renewals == 1)

            try await world.serve { program, client in
                try await eventually("the journal's answer is stored", evidence: { program.text }) {
                    try await FaultRow.only(database).epoch == 2
                }
                #expect(try world.grant("shop").requests == 1)
                #expect(try await Self.settled("stored", client) == 1)
                try await world.expectHome("shop", client)
                world.expectClean()
            }
            await locker.close()
            await database.close()
        }
    }

    /// A commit that waits for a standby is durable and not yet visible; its client dies meanwhile.
    @Test func `a replica that is killed after the commit settles to nothing`() async throws {
        try await FaultCluster.with { cluster in
            try await World.with(["DATABASE_URL": cluster.uri]) { world in
                let (database, locker) = (try await cluster.connect(), try await cluster.connect())
                try await world.migrate()
                try await world.importChannels(world.rotatingChannels(["shop"]))
                try await locker.execute("BEGIN; LOCK TABLE audit IN ACCESS EXCLUSIVE MODE")
                try await FaultRow.makeDue(database)
                try await world.serve { program, _ in
                    try await eventually("the store waits for the lock", evidence: { program.text }) {
                        try await Self.waiting(database) > 0
                    }
                    try await Self.standbys("nobody", database)
                    try await locker.execute("ROLLBACK")
                    try await eventually("the commit waits for a standby", evidence: { program.text }) {
                        try await Self.committing(database) > 0
                    }
                    program.kill()
                    _ = try await program.end()
                }
                try await Self.standbys("", database)
                try await eventually("the commit is done") { try await FaultRow.only(database).epoch == 2 }

                try await world.serve { program, client in
                    // Its own attempt is what the row holds: home, without a second write.
                    try await eventually("the journal is settled", evidence: { program.text }) {
                        try await Self.settled("stored", client) == 1
                    }
                    let row = try await FaultRow.only(database)
                    #expect(row.epoch == 2 && !row.isHeld && !row.doubt && row.status == 1, "\(row)")
                    #expect(try world.grant("shop").requests == 1)
                    try await world.expectHome("shop", client)
                    world.expectClean()
                }
                await locker.close()
                await database.close()
            }
        }
    }

    /// Sessions that wait for the lock on the audit.
    private static func waiting(_ database: PostgresConnection) async throws -> Int64 {
        try await database.query(
            "SELECT count(*)::int8 AS n FROM pg_locks WHERE relation = 'audit'::regclass AND NOT granted"
        ).rows[0].int8("n")
    }

    private static func committing(_ database: PostgresConnection) async throws -> Int64 {
        try await database.query("SELECT count(*)::int8 AS n FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
            .rows[0].int8("n")
    }

    private static func standbys(_ names: String, _ database: PostgresConnection) async throws {
        try await database.execute("ALTER SYSTEM SET synchronous_standby_names = '\(names)'")
        try await database.execute("SELECT pg_reload_conf()")
        try await eventually("the server has read its settings") {
            try await database.query("SELECT current_setting('synchronous_standby_names') AS names").rows[0].text(
                "names")
                == names
        }
    }

    /// Entries of ended processes that came to this end.
    private static func settled(_ result: String, _ client: Client) async throws -> Double {
        let name = "tokenward_journal_settled_total{result=\"\(result)\"} "
        let line = try await client.get("/metrics").body.split(separator: "\n").first { $0.hasPrefix(name) }
        return line.flatMap { Double($0.dropFirst(name.count)) } ?? 0
    }
}
