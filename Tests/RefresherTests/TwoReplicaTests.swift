import Domain
import FoundationEssentials
import Synchronization
import Testing

@testable import Refresher

@Suite("Several replicas")
struct TwoReplicaTests {
    @Test func `I1: two replicas on one database never send for a channel at the same time`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation, expiresIn: 900)
            for number in 0..<40 { world.add("c\(number)") }
            world.provider.setLatency { grant in .milliseconds(grant.hasSuffix("7") ? 20_000 : 300) }
            let replicas = [world.started(1), world.started(2)]
            simulation.advance(by: .seconds(7200))
            for number in 0..<40 {
                CrashTests.checkPresentations(world, "c\(number)")
                CrashTests.checkEnd(world, "c\(number)")
                #expect(world.provider.presentations(of: "c\(number)").allSatisfy { !$0.isSpent })
            }
            world.end(replicas[0], replicas[1])
        }
    }

    @Test func `a forced refresh on two replicas at once is one call`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let channel = world.add("a", dueIn: 3000, expiresIn: 3600)
            let replicas = [world.started(1), world.started(2)]
            world.provider.setLatency { _ in .seconds(3) }
            let answers = replicas.map { world.ask($0, [channel]) }
            simulation.advance(by: .seconds(10))
            #expect(answers.flatMap(\.reports).map(\.outcome) == [.renewed, .renewed])
            #expect(world.provider.presentations.count == 1)
            world.end(replicas[0], replicas[1])
        }
    }

    @Test func `an orphan is taken over only after the clocks were watched for its lease`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let channel = world.add("a")
            world.store.change(channel) { row in
                row.attempt += 1
                row.leaseUntil = world.store.now.addingTimeInterval(-1)
            }
            let replica = world.started()
            simulation.advance(by: .seconds(290))
            #expect(world.provider.presentations.isEmpty)
            #expect(world.store.calls(.takeOver) == 0 || world.store.row(channel)?.isHeld == true)
            simulation.advance(by: .seconds(30))
            #expect(world.store.row(channel)?.credential.refreshToken == Secret("rt.a.2"))
            world.end(replica)
        }
    }

    @Test func `a takeover leaves a doubt, and a short hold-down is waited out`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            // L of this provider is 300 s; a family waits for the end of its access token.
            let channel = world.add("a", provider: "family", expiresIn: 4000)
            world.store.change(channel) { row in
                row.attempt += 1
                row.leaseUntil = world.store.now.addingTimeInterval(-1)
            }
            let replica = world.started()
            simulation.advance(by: .seconds(400))
            let row = try #require(world.store.row(channel))
            #expect(row.doubt && !row.isHeld && world.provider.presentations.isEmpty)
            let dueAt = try #require(row.dueAt), expiresAt = try #require(row.accessExpiresAt)
            #expect((115...125).contains(expiresAt.timeIntervalSince(dueAt)))
            world.end(replica)
        }
    }

    @Test func `after a jump of the database's clock nobody takes over for half an hour`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let channel = world.add("a", provider: "free", expiresIn: 9000)
            let replica = world.started()
            simulation.advance(by: .seconds(1000))
            world.store.change(channel) { row in
                row.attempt += 1
                row.dueAt = world.store.now
                row.leaseUntil = world.store.now.addingTimeInterval(60)
            }
            world.store.jump(by: 90)
            let count = world.provider.presentations.count
            simulation.advance(by: .seconds(1780))
            #expect(world.provider.presentations.count == count)
            #expect(world.log.text.contains("clock.jumped"))
            simulation.advance(by: .seconds(200))
            #expect(world.provider.presentations.count == count + 1)
            world.end(replica)
        }
    }

    @Test func `a replica that is killed hands its channels over`() async throws {
        try await Simulation.run { simulation in
            // Class free: a token survives its use, also an answer that a dead replica heard.
            let world = try World(simulation, isStrict: false)
            for number in 0..<20 { world.add("c\(number)", provider: "free", expiresIn: 5000) }
            world.provider.setLatency { _ in .seconds(5) }
            let first = world.started(1)
            simulation.advance(by: .seconds(2))
            first.life.kill()
            let second = world.started(2)
            simulation.advance(by: .seconds(400))
            #expect(
                world.store.rows.allSatisfy { $0.epoch == 2 },
                "\(world.store.rows.map { ($0.epoch, $0.leaseUntil, $0.dueAt) })")
            world.end(first, second)
        }
    }
}
