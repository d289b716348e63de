import Domain
import FoundationEssentials
import Synchronization
import Testing

@testable import Refresher

/// Random kills, lost answers, refusals and database failures over simulated hours; the seed names the run.
@Suite("Fault runs")
struct FaultRunTests {
    static let seeds: [UInt64] = Array(1...12)
    static let classes = ["strict", "patient", "demanding", "free", "family"]

    @Test(arguments: seeds)
    func `I8: whatever happens, the newest token is stored, or a person is asked, or a replay is due`(
        seed: UInt64
    ) async throws {
        try await Simulation.run { simulation in
            let chance = SharedGenerator(seed: seed)
            let world = try World(simulation, expiresIn: 1800)
            var channels: [String] = []
            for number in 0..<30 {
                let provider = Self.classes[number % Self.classes.count]
                channels.append("\(provider)\(number)")
                world.add("\(provider)\(number)", provider: provider, dueIn: Double(number * 10))
            }
            let isCalm = Flag(false)
            world.provider.setLatency { _ in .milliseconds(Int(chance.unit() * 9_000)) }
            world.provider.setConduct { _ in isCalm.value ? .answer : Self.conduct(chance) }
            world.store.setFault { operation in
                guard !isCalm.value, operation != .apps else { return nil }
                let luck = chance.unit()
                return luck < 0.02 ? .failed : luck < 0.04 ? .unheard : luck < 0.06 ? .slow(.seconds(3)) : nil
            }
            var replicas: [Replica] = []
            func startReplica() -> Replica {
                let replica = world.replica(replicas.count + 1, seed: seed &+ UInt64(replicas.count))
                replica.life.setPlan { _, _ in !isCalm.value && chance.chance(0.004) }
                replica.start(in: simulation)
                replicas.append(replica)
                return replica
            }
            var living = [startReplica(), startReplica()]
            for _ in 0..<240 {
                simulation.advance(by: .seconds(60))
                for index in living.indices where living[index].life.isDead { living[index] = startReplica() }
            }
            isCalm.set(true)
            for index in living.indices where living[index].life.isDead { living[index] = startReplica() }
            simulation.advance(by: .seconds(4 * 3600))

            for channel in channels {
                CrashTests.checkEnd(world, channel, "seed \(seed)")
                Self.checkWire(world, channel, "seed \(seed)")
            }
            let asked = world.store.rows.filter { $0.reason == .reauthorizationRequired }
            // I9 and I6: nobody is asked but for an answer that was really lost.
            for row in asked {
                let presentations = world.provider.presentations(of: row.id.rawValue)
                #expect(presentations.contains { $0.isSpent }, "seed \(seed) \(row.id)")
            }
            #expect(
                world.disk.openAnswers.allSatisfy { answer in
                    world.store.row(answer.key.channelID).map {
                        $0.written >= answer.key.attempt || $0.status != .active
                    } ?? true
                }, "I6 seed \(seed)")
            #expect(world.store.violations == [], "seed \(seed)")
            for replica in living { world.end(replica) }
            #expect(replicas.allSatisfy { $0.result != nil }, "seed \(seed)")
        }
    }

    private static func conduct(_ chance: SharedGenerator) -> ModelProvider.Conduct {
        switch chance.unit() {
        case ..<0.70: .answer
        case ..<0.76: .loseRequest
        case ..<0.80: .loseAnswer
        case ..<0.84: .notSent
        case ..<0.88: .refuse(status: 503, body: "<html>busy</html>")
        case ..<0.92: .refuse(status: 429, body: "{}", headers: [HeaderField("Retry-After", "7")])
        case ..<0.96: .refuse(status: 400, body: "<html>bad request</html>")
        default: .cut(25)
        }
    }

    /// I1 on the wire: for one channel never two requests at a time.
    private static func checkWire(_ world: World, _ id: String, _ note: String) {
        guard !id.hasPrefix("free") else { return }
        let presentations = world.provider.presentations(of: id)
        for (earlier, later) in zip(presentations, presentations.dropFirst()) {
            #expect(earlier.end.map { $0 <= later.at } ?? false, "I1 \(note) \(id)")
        }
    }
}
