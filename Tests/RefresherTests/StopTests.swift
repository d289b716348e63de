import Domain
import FoundationEssentials
import Testing

@testable import Refresher

@Suite("Stop")
struct StopTests {
    @Test func `a stop waits for what is in flight and stores it`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let channel = world.add("a")
            world.provider.setLatency { _ in .seconds(20) }
            let replica = world.started()
            simulation.advance(by: .seconds(5))
            #expect(world.provider.inFlight == 1)
            replica.refresher.stop()
            simulation.advance(by: .seconds(5))
            #expect(replica.result == nil)
            simulation.advance(by: .seconds(15))
            #expect(replica.result?.isSuccess == true)
            #expect(world.store.row(channel)?.credential.refreshToken == Secret("rt.a.2"))
            #expect(world.disk.openAnswers.isEmpty || world.store.row(channel)?.epoch == 2)
            world.end(replica)
        }
    }

    @Test func `a stop gives back what was claimed and not sent`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            for number in 0..<20 { world.add("c\(number)") }
            // A connection takes a second; the stop comes before.
            world.provider.setLatency { _ in .seconds(10) }
            let replica = world.started()
            replica.refresher.stop()
            simulation.advance(by: .seconds(3))
            #expect(replica.result?.isSuccess == true)
            #expect(world.provider.presentations.isEmpty)
            #expect(world.store.rows.allSatisfy { !$0.isHeld && $0.dueAt != nil && !$0.doubt && $0.fails == 0 })
            world.end(replica)
        }
    }

    @Test func `answers that the database does not take are kept trying, and named at the end`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.add("a")
            let isAway = Flag(false)
            world.store.setFault { _ in isAway.value ? .failed : nil }
            world.provider.setLatency { _ in .seconds(3) }
            let replica = world.started()
            simulation.advance(by: .seconds(2))
            isAway.set(true)
            replica.refresher.stop()
            simulation.advance(by: .seconds(100))
            #expect(replica.result == nil)
            replica.cancel()
            simulation.advance(by: .seconds(5))
            #expect(replica.result?.failure == .notStored(count: 1))
            #expect(world.disk.openAnswers.count == 1 && world.disk.quarantined.isEmpty)
            // The next process brings it home.
            isAway.set(false)
            let next = world.started(2)
            simulation.advance(by: .seconds(3))
            #expect(world.store.row("a")?.credential.refreshToken == Secret("rt.a.2"))
            world.end(next)
        }
    }

    @Test func `a cancellation is a stop`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.add("a", dueIn: 1000)
            let replica = world.started()
            simulation.advance(by: .seconds(5))
            replica.cancel()
            simulation.advance(by: .seconds(5))
            #expect(replica.result?.isSuccess == true)
            #expect(!replica.refresher.standing.isRunning)
        }
    }

    @Test func `a claim that comes back after the stop is given back`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let channel = world.add("a", dueIn: 3000, expiresIn: 3600)
            let replica = world.started()
            world.store.setFault { $0 == .claim ? .slow(.seconds(1)) : nil }
            let answer = world.ask(replica, [channel])
            replica.refresher.stop()
            simulation.advance(by: .seconds(5))
            #expect(answer.reports.map(\.reason) == ["stopping"])
            #expect(world.store.row(channel)?.isHeld == false)
            #expect(world.provider.presentations.isEmpty)
            world.end(replica)
        }
    }
}

extension Result {
    var isSuccess: Bool { if case .success = self { true } else { false } }
    var failure: Failure? { if case .failure(let failure) = self { failure } else { nil } }
}
