import Domain
import FoundationEssentials
import Testing

@testable import Refresher

@Suite("Journal and gate")
struct JournalGateTests {
    @Test func `a journal that fails holds rotating providers back, and only them, until it works again`() async throws
    {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.add("a")
            world.add("b", provider: "free")
            let replica = world.replica()
            replica.journal.setFailing(true)
            replica.start(in: simulation)
            simulation.advance(by: .seconds(120))
            #expect(world.provider.presentations.map(\.grant) == ["b"])
            #expect(replica.refresher.standing.isJournalDown)
            let row = try #require(world.store.row("a"))
            #expect(row.fails == 0 && !row.doubt && row.status == .active)
            replica.journal.setFailing(false)
            simulation.advance(by: .seconds(70))
            #expect(world.store.row("a")?.epoch == 2)
            #expect(!replica.refresher.standing.isJournalDown)
            world.end(replica)
        }
    }

    @Test func `an answer that the journal does not take is stored from memory`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let channel = world.add("a")
            world.add("b", dueIn: 8)
            world.provider.setLatency { _ in .seconds(5) }
            let replica = world.started()
            simulation.advance(by: .seconds(3))
            replica.journal.setFailing(true)
            simulation.advance(by: .seconds(10))
            #expect(world.store.row(channel)?.credential.refreshToken == Secret("rt.a.2"))
            #expect(world.provider.presentations(of: "b").isEmpty)
            world.end(replica)
        }
    }

    @Test func `a full journal waits for room`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            for number in 0..<6 { world.add("c\(number)") }
            let replica = world.replica()
            replica.journal.setSlots(2)
            replica.start(in: simulation)
            simulation.advance(by: .seconds(300))
            #expect(world.store.rows.allSatisfy { $0.epoch == 2 })
            #expect(replica.journal.reserved == 0)
            world.end(replica)
        }
    }

    @Test func `a journal that cannot be read is read later, and orphans wait for it`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.add("a")
            let first = world.replica(1)
            first.life.setPlan { step, _ in step == .storing }
            first.start(in: simulation)
            simulation.advance(by: .seconds(3))
            let second = world.replica(2)
            second.journal.setUnreadable(true)
            second.journal.setFailing(true)
            second.start(in: simulation)
            simulation.advance(by: .seconds(900))
            #expect(world.provider.presentations.count == 1)
            second.journal.setUnreadable(false)
            second.journal.setFailing(false)
            simulation.advance(by: .seconds(5))
            #expect(world.store.row("a")?.credential.refreshToken == Secret("rt.a.2"))
            world.end(first, second)
        }
    }

    @Test func `no reservation outlives its attempt`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let conducts: [ModelProvider.Conduct] = [
                .answer, .notSent, .loseAnswer, .loseRequest, .cut(20), .refuse(status: 500, body: ""),
                .refuse(status: 400, body: #"{"error":"invalid_grant"}"#),
                .refuse(status: 401, body: #"{"error":"invalid_client"}"#),
                .refuse(status: 200, body: "{}"), .omitRefreshToken,
            ]
            for number in conducts.indices { world.add("c\(number)") }
            world.provider.setConduct { grant in conducts[Int(grant.dropFirst()) ?? 0] }
            let replica = world.started()
            simulation.advance(by: .seconds(50))
            replica.refresher.stop()
            simulation.advance(by: .seconds(40))
            #expect(replica.journal.reserved == 0)
            world.end(replica)
        }
    }

    @Test func `the gate is shut by a failed commit, a slow one, the journal and the stop`() async throws {
        struct Lost: Error {}
        let clock = Simulation()
        let gate = SendGate(clock: clock)
        #expect(gate.isOpen(journalled: true))
        _ = try? await gate.watching { throw Lost() }
        #expect(!gate.isOpen(journalled: false) && gate.mayClaim(journalled: false) && gate.isDatabaseDown)
        try await gate.reading {}
        #expect(!gate.isOpen(journalled: false), "a query proves no commit")
        try await gate.watching {}
        #expect(gate.isOpen(journalled: false) && !gate.isDatabaseDown)
        try await gate.watching {
            clock.advance(by: .seconds(2))
            #expect(gate.isOpen(journalled: false))
            clock.advance(by: .seconds(1))
            #expect(!gate.isOpen(journalled: false) && !gate.mayClaim(journalled: false))
        }
        #expect(gate.isOpen(journalled: true))
        gate.journal(failed: true)
        #expect(gate.isOpen(journalled: false) && !gate.isOpen(journalled: true) && !gate.mayClaim(journalled: true))
        gate.stop()
        #expect(!gate.isOpen(journalled: false) && !gate.mayClaim(journalled: false))
    }

    @Test func `a permit is given once, and not after its deadline`() {
        let clock = Simulation()
        let gate = SendGate(clock: clock)
        let permit = SendPermit(deadline: clock.now + .seconds(65), gate: gate, clock: clock, isJournalled: true)
        clock.advance(by: .seconds(65))
        #expect(permit.grant() && permit.grantedAt == clock.now)
        #expect(!permit.grant() && permit.wasRefused)
        let late = SendPermit(deadline: clock.now - .milliseconds(1), gate: gate, clock: clock, isJournalled: true)
        #expect(!late.isPossible && !late.grant() && late.grantedAt == nil)
    }

    @Test func `I1: a connection that opens after the send window is not used`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.add("a")
            let isSlow = Flag(true)
            // The claim's answer takes longer than the window in which its request may leave.
            world.store.setFault { $0 == .claimDue && isSlow.toggle(onlyIf: true) ? .slow(.seconds(70)) : nil }
            let replica = world.started()
            simulation.advance(by: .milliseconds(70_500))
            #expect(world.provider.presentations.isEmpty)
            #expect(world.store.row("a")?.isHeld == false)
            simulation.advance(by: .seconds(20))
            #expect(world.store.row("a")?.epoch == 2)
            world.end(replica)
        }
    }
}
