import Postgres
import Sandbox
import TestSupport
import Testing

struct FaultRandomKillTests {
    /// Deaths, each after a random number of renewals.
    private static let kills = 10
    private static let seed: UInt64 = 8_071_954
    /// Calls in flight at one replica: no death can cost more.
    private static let inFlight = 6
    /// So many that most of them are still renewed when the deaths have put all they can on hold.
    private static let channels = 200
    private static let lossesMax = kills * inFlight

    @Test func `I8 replicas that are killed at random lose no more than what was on the wire`() async throws {
        try await World.with(["TOKENWARD_CONCURRENCY_PER_PROVIDER": "\(Self.inFlight)"]) { world in
            let database = try await world.database.connect()
            let ids = (1...Self.channels).map { "shop-\($0)" }
            world.provider.inject(.slow(.milliseconds(60)), on: .everything, times: nil)
            try await world.migrate()
            try await world.importChannels(world.rotatingChannels(ids, lifetime: .seconds(12)))

            try await Self.killAtRandom(world, database)
            let left = try await FaultRow.all(database)
            #expect(left.count { $0.isHeld || $0.doubt } <= Self.lossesMax, "\(left)")
            #expect(left.allSatisfy { $0.isHeld || $0.isScheduled }, "\(left)")
            world.expectClean()

            world.provider.removeFaults()
            // Each brings home what its own journal holds.
            try await world.serve(settings: ["TOKENWARD_DATA_DIR": world.directory + "/1"]) { first, client in
                try await world.serve(settings: ["TOKENWARD_DATA_DIR": world.directory + "/2"]) { second, _ in
                    for program in [first, second] { try await program.says("event=scheduler.started") }
                    try await Self.resolveDoubts(database) { first.text + second.text }
                    try await Self.expectOnlyLosses(world, ids, left, database, client)
                }
            }
            await database.close()
        }
    }

    /// The hold-down is cut short: what is in doubt is due at once.
    private static func resolveDoubts(_ database: PostgresConnection, evidence: () -> String) async throws {
        try await eventually(within: .seconds(30), "all doubts are resolved", evidence: { evidence() }) {
            let open = try await FaultRow.all(database).filter(\.isOpen)
            try await FaultRow.makeDue(database, open.map(\.id))
            return open.isEmpty
        }
    }

    /// What was on the wire at a death may be lost, is said to be, and was asked for once; all else goes on.
    ///
    /// - Parameter left: the rows when the last replica had ended. A claim of there that no journal knows, because the
    ///   death came between its commit and the note, keeps its lease to the end.
    private static func expectOnlyLosses(
        _ world: World, _ ids: [String], _ left: [FaultRow], _ database: PostgresConnection, _ client: Client
    ) async throws {
        let now = try await FaultRow.all(database)
        let orphaned = Set(left.filter(\.isHeld).map(\.attempt))
        let orphans = now.filter { $0.isHeld && orphaned.contains($0.attempt) }
        #expect(orphans.allSatisfy { $0.isLeased && $0.status == 1 }, "\(orphans)")
        let dead = now.filter { $0.reason == "reauthorization_required" }
        #expect(dead.allSatisfy { $0.code == "rotation_lost" && $0.doubt }, "\(dead)")
        #expect(dead.count + orphans.count <= lossesMax, "\(dead) \(orphans)")
        let out = Set((dead + orphans).map(\.id))
        let alive = ids.filter { !out.contains($0) }
        let before = try alive.map { (id: $0, renewals: try world.grant($0).renewals) }
        var waiting = before.map(\.id)
        try await eventually(within: .seconds(40), "every channel is renewed again", evidence: { "\(waiting)" }) {
            waiting = try before.filter { try world.grant($0.id).renewals <= $0.renewals }.map(\.id)
            return waiting.isEmpty
        }
        for id in alive { try await world.newestIsStored(id, client) }
        let rows = try await FaultRow.all(database)
        #expect(rows.allSatisfy { $0.status == 1 || $0.reason == "reauthorization_required" }, "\(rows)")
        #expect(world.provider.snapshot().reuses == dead.count)
        #expect(world.provider.snapshot().overlaps == 0)
    }

    /// Two replicas on one database until so many of them were killed; then both are asked to stop.
    private static func killAtRandom(_ world: World, _ database: PostgresConnection) async throws {
        var dice = Dice(state: seed)
        let replicas = ["1", "2"].map { FaultReplica(world: world, directory: world.directory + "/" + $0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for replica in replicas { group.addTask { try await replica.live() } }
            for death in 1...kills {
                let target = world.provider.snapshot().renewals + Int.random(in: 10...35, using: &dice)
                let victim = replicas[Int.random(in: 0...1, using: &dice)]
                try await eventually(
                    within: .seconds(20), every: .milliseconds(5), "renewals go on before death \(death)",
                    evidence: { await account(database, replicas) }
                ) {
                    try await victim.isUp() && world.provider.snapshot().renewals >= target
                }
                await victim.kill()
            }
            for replica in replicas {
                try await eventually(within: .seconds(20), "the replica is up again") { try await replica.isUp() }
                await replica.stop()
            }
            for try await _ in group {}
        }
    }

    /// Tells a stall from channels on hold: how many of each there are, and what the replicas said last.
    private static func account(_ database: PostgresConnection, _ replicas: [FaultReplica]) async -> String {
        let rows = (try? await FaultRow.all(database)) ?? []
        var lines = [
            "\(rows.count { $0.isHeld }) held, \(rows.count { $0.doubt }) in doubt, \(rows.count { $0.isDue && !$0.isHeld }) due"
        ]
        for replica in replicas { lines.append(await replica.lastWords) }
        return lines.joined(separator: "\n")
    }
}

/// A service that is started again on its data directory whenever it is killed.
actor FaultReplica {
    let world: World
    let directory: String
    /// Nil while it starts, and from a death on.
    private var program: RunningProgram?
    private var isOver = false
    private var failure: (any Error)?

    init(world: World, directory: String) {
        self.world = world
        self.directory = directory
    }

    var lastWords: String { String(program?.text.suffix(1_000) ?? "not running") }

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

    /// After ``stop()``: it was told to end, also when that came while it started, and has done so.
    private(set) var hasEnded = false

    func live() async throws {
        defer { hasEnded = true }
        do {
            while !isOver {
                try await world.serve(settings: ["TOKENWARD_DATA_DIR": directory]) { program, _ in
                    self.program = program
                    // The stop came while it started.
                    if isOver { program.terminate() }
                    let ending = try await program.end(within: .seconds(240))
                    #expect(ending.status == (self.program == nil ? nil : 0), "\(ending)")
                }
            }
        } catch {
            failure = error
            throw error
        }
    }
}

/// SplitMix64: the same deaths in every run.
struct Dice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
