import Domain
import FoundationEssentials
import Providers
import Synchronization
import Testing

@testable import Refresher

@Suite("Kills and lost answers")
struct CrashTests {
    /// I8 for one channel: the newest token is stored, or a person was asked for the right reason, or a replay is due.
    static func checkEnd(_ world: World, _ id: String, _ note: String = "") {
        guard let row = world.store.row(ChannelID(rawValue: id)) else { return }
        let newest = Secret("rt.\(id).\(world.provider.newest(id))")
        let isStored = row.credential.refreshToken == newest
        let isAsked = row.status == .warning && row.reason == .reauthorizationRequired
        let isReplayed = row.doubt && row.dueAt != nil
        // A claim of a living replica at the very end is on its way.
        #expect(isStored || isAsked || isReplayed || row.isHeld, "\(note) \(id): \(row)")
        #expect((row.dueAt == nil) == (row.reason?.parks == true), "I16 \(note) \(id): \(row)")
    }

    @Test(arguments: Step.allCases, [true, false])
    func `I6 I8: a process killed at any step loses at most what was in flight`(step: Step, keepsNotes: Bool)
        async throws
    {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let channel = world.add("a")
            let first = world.replica(1)
            first.life.setPlan { reached, _ in reached == step }
            first.life.setWhenDead { [weak first] in
                first?.journal.crash(keepsNotes: keepsNotes)
                first?.cancel()
            }
            first.start(in: simulation)
            simulation.advance(by: .seconds(5))
            #expect(first.life.isDead, "the step \(step) was not reached")

            let answered = world.disk.answeredKeys
            let second = world.started(2)
            simulation.advance(by: .seconds(3))
            if !answered.isEmpty {
                // I6: what was synced is stored as soon as the next process starts.
                #expect(world.store.row(channel)?.credential.refreshToken == Secret("rt.a.2"))
            }
            simulation.advance(by: .seconds(4 * 3600))
            Self.checkEnd(world, "a", "killed at \(step)")
            let row = try #require(world.store.row(channel))
            let isLost = [.sent, .answered, .journalling].contains(step)
            if isLost {
                #expect(row.reason == (step == .sent ? nil : .reauthorizationRequired))
            } else {
                #expect(
                    row.status == .active && row.credential.refreshToken == Secret("rt.a.\(world.provider.newest("a"))")
                )
            }
            Self.checkPresentations(world, "a")
            world.end(first, second)
        }
    }

    /// Class single: a token is presented again only 60 s after the hard deadline of an attempt without an answer.
    static func checkPresentations(_ world: World, _ id: String, after pause: Duration = .seconds(60)) {
        let presentations = world.provider.presentations(of: id)
        for (index, later) in presentations.enumerated() {
            guard let earlier = presentations[..<index].last(where: { $0.token == later.token }) else { continue }
            if earlier.wasAnswered { continue }
            let between = earlier.at.duration(to: later.at)
            #expect(between >= .seconds(30) + pause - .seconds(1), "\(id) presented again after \(between)")
        }
        for (earlier, later) in zip(presentations, presentations.dropFirst()) {
            #expect(earlier.end.map { $0 <= later.at } ?? false, "I1 send intervals of \(id) overlap")
        }
    }

    @Test func `a lost answer of a single-use token is replayed and told as lost`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.add("a", expiresIn: 3000)
            world.provider.setConduct { [provider = world.provider] grant in
                provider.presentations(of: grant).isEmpty ? .loseAnswer : .answer
            }
            let replica = world.started()
            simulation.advance(by: .seconds(40))
            let row = try #require(world.store.row("a"))
            #expect(row.doubt && row.fails == 1 && row.status == .active && row.lastOutcome == .unknownOutcome)
            simulation.advance(by: .seconds(300))
            let end = try #require(world.store.row("a"))
            #expect(end.reason == .reauthorizationRequired && end.lastCode == "rotation_lost")
            Self.checkPresentations(world, "a")
            world.end(replica)
        }
    }

    @Test func `a lost request of a single-use token is made good by its replay`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.add("a", expiresIn: 3000)
            world.provider.setConduct { [provider = world.provider] grant in
                provider.presentations(of: grant).isEmpty ? .loseRequest : .answer
            }
            let replica = world.started()
            simulation.advance(by: .seconds(300))
            let row = try #require(world.store.row("a"))
            #expect(!row.doubt && row.fails == 0 && row.credential.refreshToken == Secret("rt.a.2"))
            Self.checkPresentations(world, "a")
            world.end(replica)
        }
    }

    @Test func `a family is not put at risk while its access token serves`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.add("a", provider: "family", expiresIn: 3000)
            world.provider.setConduct { [provider = world.provider] grant in
                provider.presentations(of: grant).isEmpty ? .loseRequest : .answer
            }
            let replica = world.started()
            simulation.advance(by: .seconds(2800))
            #expect(world.provider.presentations.count == 1)
            simulation.advance(by: .seconds(150))
            #expect(world.provider.presentations.count == 2)
            world.end(replica)
        }
    }

    @Test func `a token with a grace is replayed soon, while the grace lasts`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.add("a", provider: "patient", expiresIn: 3000)
            world.provider.setConduct { [provider = world.provider] grant in
                provider.presentations(of: grant).count < 3 ? .loseRequest : .answer
            }
            let replica = world.started()
            simulation.advance(by: .seconds(1500))
            let times = world.provider.presentations.map(\.at)
            #expect(times.count == 4)
            let waits = zip(times, times.dropFirst()).map { $0.duration(to: $1).seconds }
            #expect(waits.first.map { (44...60).contains($0) } ?? false, "\(waits)")
            #expect(waits.dropFirst().allSatisfy { (300...345).contains($0) }, "\(waits)")
            #expect(world.store.row("a")?.doubt == false)
            world.end(replica)
        }
    }

    @Test func `I7: journals settled again and again, in any order, change nothing more`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            for name in ["a", "b", "c"] { world.add(name) }
            let first = world.replica(1)
            first.life.setPlan { step, _ in step == .storing }
            first.start(in: simulation)
            simulation.advance(by: .seconds(5))
            let left = world.disk.openAnswers
            #expect(left.count == 3)
            var replicas = [first]
            for number in 2...5 {
                let next = world.replica(number)
                // Each dies before its notes reach the disk, so the next one settles all over again.
                next.start(in: simulation)
                simulation.advance(by: .seconds(2))
                next.life.kill()
                world.disk.state.withLock { $0.answers.reverse() }
                replicas.append(next)
            }
            let last = world.started(6)
            simulation.advance(by: .seconds(5))
            for name in ["a", "b", "c"] {
                let row = try #require(world.store.row(ChannelID(rawValue: name)))
                #expect(row.epoch == 2 && row.credential.refreshToken == Secret("rt.\(name).2"))
            }
            #expect(world.store.violations == [])
            replicas.append(last)
            for replica in replicas { world.end(replica) }
        }
    }

    @Test func `I4: an answer that comes after a new grant changes nothing`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let channel = world.add("a")
            world.provider.setLatency { _ in .seconds(10) }
            let replica = world.started()
            simulation.advance(by: .seconds(3))
            let fresh = world.provider.authorize("a")
            world.store.newGrant(channel, fresh, expiresIn: 3600)
            simulation.advance(by: .seconds(20))
            let row = try #require(world.store.row(channel))
            #expect(row.credential == fresh && row.status == .active && row.written == row.grantID)
            replica.journal.close()
            #expect(world.disk.openAnswers.isEmpty)
            world.end(replica)
        }
    }

    @Test func `I4: an answer that comes after a disconnect is dropped`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let channel = world.add("a")
            world.provider.setLatency { _ in .seconds(10) }
            let replica = world.started()
            simulation.advance(by: .seconds(3))
            world.store.disconnect(channel)
            simulation.advance(by: .seconds(20))
            let row = try #require(world.store.row(channel))
            #expect(row.status == .disconnected && row.dueAt == nil && row.credential.refreshToken == Secret("rt.a.1"))
            world.end(replica)
        }
    }

    @Test func `I5: a failure changes nothing after another claim, and a late pair is still stored`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let channel = world.add("a", expiresIn: 3000)
            let stall = Flag(true)
            world.store.setFault { $0 == .storeSuccesses && stall.value ? .failed : nil }
            let replica = world.started()
            simulation.advance(by: .seconds(10))
            #expect(world.store.row(channel)?.epoch == 1)
            // Somebody else claims it meanwhile.
            world.store.change(channel) { row in
                row.attempt += 1
                row.leaseUntil = world.store.now.addingTimeInterval(120)
            }
            stall.set(false)
            simulation.advance(by: .seconds(10))
            let row = try #require(world.store.row(channel))
            #expect(
                row.credential.refreshToken == Secret("rt.a.2") && row.doubt && row.isHeld && row.written < row.attempt)
            world.end(replica)
        }
    }

    @Test func `a claim that was only noted is settled as unknown by its owner's next process`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let channel = world.add("a")
            world.store.change(channel) { ($0.fails, $0.denials) = (1, 1) }
            let first = world.replica(1)
            first.life.setPlan { step, _ in step == .sending }
            first.life.setWhenDead { [weak first] in
                first?.journal.crash(keepsNotes: true)
                first?.cancel()
            }
            first.start(in: simulation)
            simulation.advance(by: .seconds(3))
            #expect(world.store.row(channel)?.isHeld == true)
            let second = world.started(2)
            simulation.advance(by: .seconds(2))
            let row = try #require(world.store.row(channel))
            #expect(!row.isHeld && row.doubt && row.fails == 2 && row.denials == 1)
            #expect(row.lastOutcome == .unknownOutcome && row.lastCode == "process_ended")
            let wait = try #require(row.dueAt).timeIntervalSince(world.store.now)
            #expect((85...92).contains(wait))
            world.end(first, second)
        }
    }

    @Test func `an entry whose provider is gone from the catalogue is set aside`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.add("a")
            let first = world.replica(1)
            first.life.setPlan { step, _ in step == .storing }
            first.start(in: simulation)
            simulation.advance(by: .seconds(3))
            #expect(world.disk.openAnswers.count == 1)
            let second = world.replica(2, catalogue: try .embedded())
            second.start(in: simulation)
            simulation.advance(by: .seconds(3))
            #expect(world.disk.quarantined.values.first?.contains("strict") == true)
            world.end(first, second)
        }
    }

    @Test func `claims wait until the journal is settled, and the journal for the database`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.add("a")
            let first = world.replica(1)
            first.life.setPlan { step, _ in step == .storing }
            first.start(in: simulation)
            simulation.advance(by: .seconds(3))
            let isAway = Flag(true)
            world.store.setFault { _ in isAway.value ? .failed : nil }
            world.add("b")
            let second = world.started(2)
            simulation.advance(by: .seconds(30))
            #expect(world.store.row("a")?.epoch == 1)
            isAway.set(false)
            simulation.advance(by: .seconds(5))
            #expect(world.store.row("a")?.epoch == 2 && world.store.row("b")?.epoch == 2)
            #expect(world.provider.presentations(of: "a").count == 1)
            world.end(first, second)
        }
    }

    @Test func `I10: a journal entry that fails alone stops neither claims nor the others`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.add("a")
            let first = world.replica(1)
            first.life.setPlan { step, _ in step == .storing }
            first.start(in: simulation)
            simulation.advance(by: .seconds(3))
            let isBroken = Flag(true)
            world.store.setFault { $0 == .storeSuccesses && isBroken.toggle(onlyIf: true) ? .failed : nil }
            world.add("b")
            let second = world.started(2)
            simulation.advance(by: .seconds(10))
            #expect(world.store.row("a")?.epoch == 2 && world.store.row("b")?.epoch == 2)
            world.end(first, second)
        }
    }
}
