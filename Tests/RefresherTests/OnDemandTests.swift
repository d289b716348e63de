import Domain
import FoundationEssentials
import Testing

@testable import Refresher

@Suite("Refreshes on demand")
struct OnDemandTests {
    @Test func `200 callers for one channel are one call`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let channel = world.add("a", dueIn: 3000, expiresIn: 3600)
            let replica = world.started()
            world.provider.setLatency { _ in .seconds(2) }
            let answers = (0..<200).map { _ in world.ask(replica, [channel]) }
            simulation.advance(by: .seconds(5))
            #expect(answers.allSatisfy { $0.reports.map(\.outcome) == [.renewed] })
            #expect(world.provider.presentations.count == 1)
            world.end(replica)
        }
    }

    @Test func `a caller that leaves cuts nothing`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let channel = world.add("a", dueIn: 3000, expiresIn: 3600)
            let replica = world.started()
            world.provider.setLatency { _ in .seconds(5) }
            let leaver = world.ask(replica, [channel])
            let stayer = world.ask(replica, [channel])
            simulation.advance(by: .seconds(1))
            leaver.cancel()
            simulation.advance(by: .seconds(10))
            #expect(stayer.reports.map(\.outcome) == [.renewed])
            #expect(world.store.row(channel)?.credential.refreshToken == Secret("rt.a.2"))
            world.end(replica)
        }
    }

    @Test func `a held row is waited for, and no longer than the caller's patience`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let channel = world.add("a", dueIn: 3000, expiresIn: 3600)
            let replica = world.started()
            world.store.change(channel) { row in
                row.attempt += 1
                row.leaseUntil = world.store.now.addingTimeInterval(100)
                row.dueAt = world.store.now
            }
            let hasty = world.ask(replica, [channel], RefreshOptions(force: true, patience: .seconds(3)))
            let patient = world.ask(replica, [channel], RefreshOptions(force: true, patience: .seconds(30)))
            simulation.advance(by: .seconds(5))
            #expect(hasty.reports.map(\.reason) == ["held"] && hasty.reports.map(\.outcome) == [.leaseLost])
            #expect(!patient.isThere)
            world.store.change(channel) { row in
                row.written = row.attempt
                row.leaseUntil = nil
            }
            simulation.advance(by: .seconds(2))
            #expect(patient.reports.map(\.outcome) == [.renewed])
            #expect(world.provider.presentations.isEmpty)
            world.end(replica)
        }
    }

    @Test func `a store that hangs does not hold the caller beyond its patience`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let channel = world.add("a", dueIn: 3000, expiresIn: 3600)
            let replica = world.started()
            let isAway = Flag(true)
            world.store.setFault { $0 == .storeSuccesses && isAway.value ? .failed : nil }
            let answer = world.ask(replica, [channel], RefreshOptions(force: true, patience: .seconds(10)))
            simulation.advance(by: .seconds(11))
            #expect(answer.reports.map(\.reason) == ["running"])
            isAway.set(false)
            simulation.advance(by: .seconds(10))
            #expect(world.store.row(channel)?.credential.refreshToken == Secret("rt.a.2"))
            world.end(replica)
        }
    }

    @Test func `callers for a provider that hangs are bounded and told`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            for number in 0..<60 { world.add("c\(number)", dueIn: 3000, expiresIn: 3600) }
            let replica = world.replica { ($0.concurrency, $0.concurrencyPerProvider) = (8, 4) }
            replica.start(in: simulation)
            world.provider.setLatency { _ in .seconds(100) }
            let answers = (0..<60).map { number in
                world.ask(
                    replica, [ChannelID(rawValue: "c\(number)")], RefreshOptions(force: true, patience: .seconds(5)))
            }
            simulation.advance(by: .seconds(6))
            #expect(answers.allSatisfy { $0.isThere })
            #expect(world.provider.inFlightMax == 8)
            #expect(answers.flatMap(\.reports).count { $0.reason == "busy" } == 52)
            #expect(world.store.rows.count(where: \.isHeld) == 8)
            world.end(replica)
        }
    }

    @Test func `many channels are one report each, in order, and an unknown one has none`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let channels = (0..<150).map { world.add("c\($0)", dueIn: 3000, expiresIn: 3600) }
            let replica = world.started()
            let answer = world.ask(replica, channels + ["nobody"] + [channels[0]])
            simulation.advance(by: .seconds(20))
            #expect(answer.reports.map(\.channelID) == channels + [channels[0]])
            #expect(answer.reports.allSatisfy { $0.outcome == .renewed })
            #expect(world.provider.presentations.count == 150)
            world.end(replica)
        }
    }

    @Test func `a dry run calls nobody`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let channel = world.add("a", dueIn: 3000, expiresIn: 3600)
            let replica = world.replica { $0.claimsDue = false }
            let answer = world.ask(replica, [channel], RefreshOptions(force: true, dryRun: true))
            #expect(answer.reports.map(\.reason) == ["dry_run"])
            #expect(world.store.calls(.claim) == 0 && world.provider.presentations.isEmpty)
        }
    }

    @Test func `force respects a doubt until its class allows a replay`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let channel = world.add("a", dueIn: 3000, expiresIn: 3600)
            world.provider.setConduct { [provider = world.provider] grant in
                provider.presentations(of: grant).isEmpty ? .loseRequest : .answer
            }
            let replica = world.replica { $0.claimsDue = false }
            replica.start(in: simulation)
            let lost = world.ask(replica, [channel])
            simulation.advance(by: .seconds(32))
            #expect(lost.reports.map(\.outcome) == [.unknownOutcome])
            let early = world.ask(replica, [channel])
            simulation.advance(by: .seconds(2))
            #expect(early.reports.map(\.reason) == ["doubt"])
            simulation.advance(by: .seconds(130))
            let late = world.ask(replica, [channel])
            simulation.advance(by: .seconds(5))
            #expect(late.reports.map(\.outcome) == [.renewed])
            CrashTests.checkPresentations(world, "a")
            world.end(replica)
        }
    }

    @Test func `a dead grant is tried again only by retryDead, and stays parked when it is dead`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let channel = world.add("a", dueIn: 3000, expiresIn: 3600)
            world.store.change(channel) { ($0.status, $0.reason, $0.dueAt) = (.warning, .reauthorizationRequired, nil) }
            world.provider.revoke("a")
            let replica = world.started()
            let plain = world.ask(replica, [channel])
            let dead = world.ask(replica, [channel], RefreshOptions(force: true, retryDead: true))
            simulation.advance(by: .seconds(5))
            #expect(plain.reports.map(\.outcome) == [.reauthorizationRequired])
            #expect(dead.reports.map(\.outcome) == [.reauthorizationRequired])
            #expect(world.provider.presentations.count == 1)
            let row = try #require(world.store.row(channel))
            #expect(row.dueAt == nil && row.reason == .reauthorizationRequired)
            _ = world.provider.authorize("a")
            world.store.change(channel) { $0.credential = ModelProvider.credential("a", 2) }
            let alive = world.ask(replica, [channel], RefreshOptions(force: true, retryDead: true))
            simulation.advance(by: .seconds(5))
            #expect(alive.reports.map(\.outcome) == [.renewed])
            #expect(world.store.row(channel)?.status == .active)
            world.end(replica)
        }
    }

    @Test func `a paused provider is not asked, not even by force`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            for name in ["a", "b"] { world.add(name, dueIn: 3000, expiresIn: 3600) }
            world.provider.setConduct { _ in
                .refuse(status: 429, body: "{}", headers: [HeaderField("Retry-After", "20")])
            }
            let replica = world.started()
            let first = world.ask(replica, ["a"])
            simulation.advance(by: .seconds(1))
            #expect(first.reports.map(\.outcome) == [.rateLimited])
            let second = world.ask(replica, ["b"])
            simulation.advance(by: .seconds(1))
            #expect(second.reports.map(\.reason) == ["provider_paused"])
            #expect(world.provider.presentations.count == 1)
            world.end(replica)
        }
    }

    @Test func `after a stop nobody is taken on, and before the journal is settled nobody is claimed`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let channel = world.add("a", dueIn: 3000, expiresIn: 3600)
            let replica = world.replica()
            let early = world.ask(replica, [channel], RefreshOptions(force: true, patience: .seconds(2)))
            simulation.advance(by: .seconds(3))
            #expect(early.error == .starting)
            replica.start(in: simulation)
            simulation.advance(by: .seconds(1))
            replica.refresher.stop()
            let late = world.ask(replica, [channel])
            #expect(late.error == .stopping)
            #expect(world.store.calls(.claim) == 0)
            world.end(replica)
        }
    }
}
