import Domain
import FoundationEssentials
import Testing

@testable import Refresher

@Suite("Accounts that moved")
struct RelocationTests {
    private func moved(_ simulation: Simulation, to answer: String, requests: Flag = Flag(true)) throws -> (
        World, Replica
    ) {
        let world = try World(simulation)
        world.add("a", provider: "moving", expiresIn: 30_000)
        world.store.change("a") { $0.credential.parameters = ["place": "old"] }
        world.provider.setWhereabouts { _ in ModelProvider.json(200, answer) }
        world.provider.setConduct { [provider = world.provider] grant in
            provider.lookups == 0 ? .refuse(status: 404, body: "<html>gone</html>") : .answer
        }
        return (world, world.started())
    }

    @Test func `the account is looked up once, and its place stored with the renewed pair`() async throws {
        try await Simulation.run { simulation in
            let (world, replica) = try moved(simulation, to: #"{"place":"new"}"#)
            simulation.advance(by: .seconds(5))
            let row = try #require(world.store.row("a"))
            #expect(row.credential.parameters == ["place": "new"] && row.lastOutcome == .renewed)
            #expect(row.credential.refreshToken == Secret("rt.a.2") && world.provider.lookups == 1)
            #expect(world.provider.presentations.count == 2)
            world.end(replica)
        }
    }

    @Test(arguments: [
        #"{"place":"old"}"#, #"{"place":"evil.example"}"#, #"{"place":"a/b"}"#, #"{"place":""}"#, "{}", "<html>",
    ])
    func `a place that is none, the same or not allowed changes nothing`(answer: String) async throws {
        try await Simulation.run { simulation in
            let (world, replica) = try moved(simulation, to: answer)
            simulation.advance(by: .seconds(2))
            let row = try #require(world.store.row("a"))
            #expect(row.credential.parameters == ["place": "old"] && row.lastOutcome == .unclassified)
            #expect(world.provider.presentations.count == 1 && row.status == .active && !row.doubt)
            world.end(replica)
        }
    }
}
