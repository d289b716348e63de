import Postgres
import Sandbox
import TestSupport
import Testing

struct FaultRandomKillTests {
    /// Deaths, each after a random number of renewals.
    private static let kills = 10
    private static let seed: UInt64 = 8_071_954

    @Test func `replicas that are killed at random lose no more than what was on the wire`() async throws {
        try await World.with { world in
            let database = try await world.database.connect()
            let ids = (1...60).map { "shop-\($0)" }
            world.provider.inject(.slow(.milliseconds(60)), on: .everything, times: nil)
            try await world.migrate()
            try await world.importChannels(world.rotatingChannels(ids, lifetime: .seconds(4)))

            let held = try await Self.killAtRandom(world, database)
            let left = try await FaultRow.all(database)
            #expect(left.count { $0.isHeld || $0.doubt } <= held, "\(left)")
            #expect(left.allSatisfy { $0.isHeld || $0.isScheduled }, "\(left)")
            world.expectClean()

            world.provider.removeFaults()
            try await world.serve(settings: ["TOKENWARD_DATA_DIR": world.directory + "/1"]) { program, client in
                try await eventually(within: .seconds(15), "all doubts are resolved", evidence: { program.text }) {
                    let open = try await FaultRow.all(database).filter { $0.isOpen }
                    try await FaultRow.makeDue(database, open.map(\.id))
                    return open.isEmpty
                }
                let dead = try await FaultRow.all(database).filter { $0.reason == "reauthorization_required" }
                #expect(dead.allSatisfy { $0.code == "rotation_lost" && $0.doubt }, "\(dead)")
                #expect(dead.count <= held)
                let alive = ids.filter { id in !dead.contains { $0.id == id } }
                try await world.allRenewedAgain(alive) { program.text }
                for id in alive { try await world.newestIsStored(id, client) }
                let rows = try await FaultRow.all(database)
                #expect(rows.allSatisfy { $0.status == 1 || $0.reason == "reauthorization_required" }, "\(rows)")
                // A spent token was presented once, for the verdict.
                #expect(world.provider.snapshot().reuses == dead.count)
                #expect(world.provider.snapshot().overlaps == 0)
            }
            await database.close()
        }
    }

    /// Two replicas on one database until so many of them were killed; returns how many claims were held at the deaths.
    private static func killAtRandom(_ world: World, _ database: PostgresConnection) async throws -> Int {
        var dice = Dice(state: seed)
        let replicas = ["1", "2"].map { FaultReplica(world: world, directory: world.directory + "/" + $0) }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            for replica in replicas { group.addTask { try await replica.live() } }
            var held = 0
            for _ in 1...kills {
                let target = world.provider.snapshot().renewals + Int.random(in: 10...35, using: &dice)
                let victim = replicas[Int.random(in: 0...1, using: &dice)]
                try await eventually(within: .seconds(20), every: .milliseconds(5), "the load goes on") {
                    try await victim.isUp() && world.provider.snapshot().renewals >= target
                }
                await victim.kill()
                held += try await FaultRow.all(database).count { $0.isHeld }
            }
            for replica in replicas {
                try await eventually(within: .seconds(20), "the replica is up again") { try await replica.isUp() }
                await replica.stop()
            }
            for try await _ in group {}
            return held
        }
    }
}

/// A service that is started again on its data directory whenever it is killed.
private actor FaultReplica {
    let world: World
    let directory: String
    private var program: RunningProgram?
    private var isOver = false
    private var failure: (any Error)?

    init(world: World, directory: String) {
        self.world = world
        self.directory = directory
    }

    /// - Throws: what kept it from starting.
    func isUp() throws -> Bool {
        if let failure { throw failure }
        return program != nil
    }

    func kill() {
        program?.kill()
        program = nil
    }

    func stop() {
        isOver = true
        program?.terminate()
    }

    func live() async throws {
        do {
            while !isOver {
                try await world.serve(settings: ["TOKENWARD_DATA_DIR": directory]) { program, _ in
                    self.program = program
                    let ending = try await program.end(within: .seconds(60))
                    #expect(ending.status == (isOver ? 0 : nil), "\(ending)")
                }
            }
        } catch {
            failure = error
            throw error
        }
    }
}

/// SplitMix64: the same deaths in every run.
private struct Dice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
