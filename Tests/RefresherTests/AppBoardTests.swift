import Domain
import FoundationEssentials
import Synchronization
import Testing

@testable import Refresher

@Suite("Apps that are refused")
struct AppBoardTests {
    static let refusal = ModelProvider.Conduct.refuse(status: 401, body: #"{"error":"invalid_client"}"#)

    @Test func `a refused app is paused with one event, its channels unharmed, and found again`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            for number in 0..<20 { world.add("c\(number)", dueIn: Double(number), expiresIn: 30_000) }
            let isBroken = Flag(true)
            world.provider.setConduct { _ in isBroken.value ? Self.refusal : .answer }
            let replica = world.started()
            simulation.advance(by: .seconds(60))
            #expect(world.store.state.withLock { $0.apps["strict"]?.standing.state } == .paused)
            #expect(world.store.events.map(\.kind) == ["app_rejected"])
            #expect(world.provider.presentations.count <= 3)
            simulation.advance(by: .seconds(3000))
            #expect(world.provider.presentations.count <= 9, "a probe every 10 min")
            #expect(world.store.rows.allSatisfy { $0.status == .active && $0.fails == 0 && !$0.doubt })
            isBroken.set(false)
            simulation.advance(by: .seconds(700))
            #expect(world.store.events.map(\.kind) == ["app_rejected", "app_recovered"])
            #expect(world.store.rows.allSatisfy { $0.epoch == 2 })
            world.end(replica)
        }
    }

    @Test func `an app that is not configured is one event, and goes on when it is`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            for number in 0..<3 { world.add("c\(number)", expiresIn: 30_000) }
            world.apps.isConfigured.set(false)
            let replica = world.started()
            simulation.advance(by: .seconds(60))
            #expect(world.store.state.withLock { $0.apps["strict"]?.standing.state } == .paused)
            #expect(world.store.events.map(\.kind) == ["app_rejected"])
            #expect(world.provider.presentations.isEmpty)
            #expect(world.store.rows.allSatisfy { $0.status == .active && $0.fails == 0 })
            world.apps.isConfigured.set(true)
            simulation.advance(by: .seconds(1300))
            #expect(world.store.events.map(\.kind) == ["app_rejected", "app_recovered"])
            #expect(world.store.rows.allSatisfy { $0.epoch == 2 })
            world.end(replica)
        }
    }

    @Test func `I11: a single channel never pauses an app that has others`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            for number in 0..<5 { world.add("c\(number)", dueIn: Double(number * 5), expiresIn: 30_000) }
            world.provider.setConduct { $0 == "c0" ? Self.refusal : .answer }
            let replica = world.started()
            simulation.advance(by: .seconds(20_000))
            #expect(world.store.state.withLock { $0.apps["strict"]?.standing.state ?? .ok } == .ok)
            #expect(!world.store.events.contains { $0.kind == "app_rejected" })
            let alone = try #require(world.store.row("c0"))
            #expect(alone.reason == .refreshFailing && alone.fails >= 3)
            #expect(world.store.rows.dropFirst().allSatisfy { $0.status == .active && $0.epoch > 1 })
            world.end(replica)
        }
    }

    @Test func `an app with one channel is paused by its second refusal a minute later`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.add("c0", expiresIn: 30_000)
            world.provider.setConduct { _ in Self.refusal }
            let replica = world.started()
            simulation.advance(by: .seconds(50))
            #expect(world.provider.presentations.count == 1)
            #expect(world.store.state.withLock { $0.apps["strict"]?.standing.state } == .suspect)
            simulation.advance(by: .seconds(20))
            #expect(world.provider.presentations.count == 2)
            #expect(world.store.state.withLock { $0.apps["strict"]?.standing.state } == .paused)
            #expect(world.store.events.map(\.kind) == ["app_rejected"])
            world.end(replica)
        }
    }

    @Test func `another replica brings a suspicion to its end when the first has died`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            for number in 0..<3 { world.add("c\(number)", dueIn: number == 0 ? -1 : 9000, expiresIn: 30_000) }
            world.provider.setConduct { _ in Self.refusal }
            let first = world.started(1)
            simulation.advance(atMost: .seconds(10), step: .milliseconds(50)) {
                world.store.state.withLock { $0.apps["strict"] } != nil
            }
            first.life.kill()
            let second = world.started(2)
            simulation.advance(by: .seconds(400))
            #expect(world.store.state.withLock { $0.apps["strict"]?.standing.state } == .paused)
            #expect(world.store.events.map(\.kind) == ["app_rejected"])
            world.end(first, second)
        }
    }

    @Test func `the next secret is tried after a refusal, three at most`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.apps.set(["one", "two", "three", "four", "five"])
            world.add("a", expiresIn: 30_000)
            world.provider.setConduct { _ in Self.refusal }
            let replica = world.started()
            simulation.advance(by: .seconds(5))
            #expect(world.provider.presentations.count == 3)
            #expect(world.store.row("a")?.lastOutcome == .appRejected)
            world.end(replica)
        }
    }

    @Test func `a second secret that is accepted is no trouble of the app`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.apps.set(["old", "new"])
            world.add("a")
            world.provider.setConduct { [provider = world.provider] grant in
                provider.presentations(of: grant).isEmpty ? Self.refusal : .answer
            }
            let replica = world.started()
            simulation.advance(by: .seconds(5))
            #expect(world.store.row("a")?.credential.refreshToken == Secret("rt.a.2"))
            #expect(world.store.state.withLock { $0.apps.isEmpty })
            world.end(replica)
        }
    }
}
