import Domain
import FoundationEssentials
import Testing

@testable import Refresher

@Suite("Pairs that come after the channel was disconnected")
struct RevocationTests {
    /// Disconnects the channel while its refresh is under way.
    private func disconnectDuring(
        _ world: World, _ simulation: Simulation, provider: String, _ id: String = "a"
    ) -> Replica {
        world.add(id, provider: provider)
        world.provider.setLatency { _ in .seconds(5) }
        let replica = world.started()
        simulation.advance(by: .seconds(2))
        world.store.disconnect(ChannelID(rawValue: id))
        return replica
    }

    @Test func `the new token is revoked, and the entry closed`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let replica = disconnectDuring(world, simulation, provider: "revocable")
            simulation.advance(by: .seconds(10))
            #expect(world.provider.revocations == ["rt.a.2"])
            #expect(world.store.row("a")?.credential.refreshToken == Secret("rt.a.1"))
            replica.journal.close()
            #expect(world.disk.openAnswers.isEmpty)
            world.end(replica)
        }
    }

    @Test func `a consent that another channel may share is left alone`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let replica = disconnectDuring(world, simulation, provider: "consenting")
            simulation.advance(by: .seconds(30))
            #expect(world.provider.revocations == [])
            replica.journal.close()
            #expect(world.disk.openAnswers.isEmpty)
            world.end(replica)
        }
    }

    @Test func `a pair that a new grant overtook is not revoked`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.add("a", provider: "revocable")
            world.provider.setLatency { _ in .seconds(5) }
            let replica = world.started()
            simulation.advance(by: .seconds(2))
            world.store.newGrant("a", world.provider.authorize("a"), expiresIn: 3600)
            simulation.advance(by: .seconds(10))
            #expect(world.provider.revocations == [])
            world.end(replica)
        }
    }

    @Test func `a provider in trouble is told a little later`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.provider.failRevocations(2)
            let replica = disconnectDuring(world, simulation, provider: "revocable")
            simulation.advance(by: .seconds(40))
            #expect(world.provider.revocations == ["rt.a.2"])
            world.end(replica)
        }
    }

    @Test func `what could not be revoked before the end is revoked by the next process`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.provider.failRevocations(1)
            let first = disconnectDuring(world, simulation, provider: "revocable")
            simulation.advance(by: .seconds(4))
            first.refresher.stop()
            simulation.advance(by: .seconds(10))
            #expect(world.provider.revocations == [])
            let second = world.started(2)
            simulation.advance(by: .seconds(5))
            #expect(world.provider.revocations == ["rt.a.2"])
            second.journal.close()
            #expect(world.disk.openAnswers.isEmpty)
            world.end(first, second)
        }
    }
}
