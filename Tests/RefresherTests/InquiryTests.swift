import Domain
import FoundationEssentials
import Synchronization
import Testing

@testable import Refresher

@Suite("Asking the provider about a token")
struct InquiryTests {
    private static func alive(until end: Date) -> IncomingResponse {
        ModelProvider.json(200, #"{"active":true,"exp":\#(Int(end.timeIntervalSince1970))}"#)
    }

    @Test func `a renewal that names no end takes it from the inspection of the new token`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let end = world.store.now.addingTimeInterval(50_000)
            world.provider.setTellsExpiry(false)
            world.provider.setInspection { _ in Self.alive(until: end) }
            world.add("a", provider: "watched")
            let replica = world.started()
            simulation.advance(by: .seconds(5))
            let row = try #require(world.store.row("a"))
            #expect(world.provider.inspections == ["at.a.2"])
            #expect(row.epoch == 2 && row.accessExpiresAt.map { abs($0.timeIntervalSince(end)) < 1 } ?? false)
            #expect(row.lastOutcome == .renewed && row.status == .active)
            world.end(replica)
        }
    }

    @Test(arguments: [401, 500, 429])
    func `a failing inspection keeps the pair, blames nobody and is repeated without a refresh`(
        status: Int
    ) async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let isBroken = Flag(true)
            world.provider.setTellsExpiry(false)
            world.provider.setInspection { [store = world.store] _ in
                isBroken.value
                    ? IncomingResponse(status: status) : Self.alive(until: store.now.addingTimeInterval(50_000))
            }
            world.add("a", provider: "watched")
            world.add("b", provider: "watched", dueIn: 40_000, expiresIn: 80_000)
            let replica = world.started()
            simulation.advance(by: .seconds(5))
            var row = try #require(world.store.row("a"))
            #expect(row.epoch == 2 && row.accessExpiresAt == nil && row.status == .active && row.fails == 0)
            #expect(world.store.state.withLock { $0.apps["watched"]?.standing.state ?? .ok } == .ok)
            isBroken.set(false)
            simulation.advance(by: .seconds(700))
            row = try #require(world.store.row("a"))
            #expect(row.epoch == 2 && row.accessExpiresAt != nil)
            #expect(world.provider.presentations(of: "a").count == 1)
            world.end(replica)
        }
    }

    @Test func `an import without an end is asked about before it is renewed`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.provider.setInspection { [store = world.store] token in
                switch token {
                case "at.long.1": Self.alive(until: store.now.addingTimeInterval(90_000))
                case "at.endless.1": ModelProvider.json(200, #"{"active":true,"exp":0}"#)
                case "at.ending.1": Self.alive(until: store.now.addingTimeInterval(100))
                case "at.dead.1": ModelProvider.json(200, #"{"active":false}"#)
                default: ModelProvider.json(200, #"{"active":true,"exp":0}"#)
                }
            }
            for id in ["long", "endless", "ending", "dead"] {
                world.add(id, provider: "watched")
                world.store.change(ChannelID(rawValue: id)) { ($0.accessExpiresAt, $0.accessIssuedAt) = (nil, nil) }
            }
            let replica = world.started()
            simulation.advance(by: .seconds(5))
            #expect(Set(world.provider.presentations.map(\.grant)) == ["ending", "dead"])
            let long = try #require(world.store.row("long"))
            #expect(long.epoch == 1 && long.accessExpiresAt != nil && long.dueAt.map { $0 > world.store.now } ?? false)
            let endless = try #require(world.store.row("endless"))
            #expect(endless.epoch == 1 && endless.dueAt == nil && endless.status == .active && !endless.isHeld)
            world.end(replica)
        }
    }

    @Test func `an inspection that is refused the app is the app's trouble and no verdict`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.provider.setInspection { _ in ModelProvider.json(401, #"{"error":"invalid_client"}"#) }
            world.add("a", provider: "watched")
            world.store.change("a") { $0.accessExpiresAt = nil }
            let replica = world.started()
            simulation.advance(by: .seconds(5))
            let row = try #require(world.store.row("a"))
            #expect(row.lastOutcome == .appRejected && row.status == .active && row.denials == 0)
            #expect(world.store.state.withLock { $0.apps["watched"]?.standing.state } == .suspect)
            #expect(world.provider.presentations.isEmpty)
            world.end(replica)
        }
    }
}
