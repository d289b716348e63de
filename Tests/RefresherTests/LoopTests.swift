import Domain
import FoundationEssentials
import Synchronization
import Testing

@testable import Refresher

@Suite("Refresh loop")
struct LoopTests {
    @Test func `a due channel is renewed once and scheduled before its end`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let channel = world.add("a")
            let replica = world.started()
            simulation.advance(by: .seconds(10))
            let row = try #require(world.store.row(channel))
            #expect(row.credential.refreshToken == Secret("rt.a.2"))
            #expect(row.written == row.attempt)
            #expect(!row.isHeld && !row.doubt && row.epoch == 2)
            let dueAt = try #require(row.dueAt)
            let expiresAt = try #require(row.accessExpiresAt)
            #expect((600...700).contains(expiresAt.timeIntervalSince(dueAt)))
            #expect(world.provider.presentations.count == 1)
            #expect(
                replica.metrics.value("tokenward_refreshes_total", [("provider", "strict"), ("outcome", "renewed")])
                    == 1)
            world.end(replica)
        }
    }

    @Test func `a channel is renewed for as long as the loop runs`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let channel = world.add("a")
            let replica = world.started()
            simulation.advance(by: .seconds(86_400))
            let number = world.provider.newest("a")
            #expect((28...31).contains(number))
            #expect(world.store.row(channel)?.credential.refreshToken == Secret("rt.a.\(number)"))
            world.end(replica)
        }
    }

    @Test func `a channel that is not due is left alone`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.add("a", dueIn: 100, expiresIn: 700)
            let replica = world.started()
            simulation.advance(by: .seconds(99))
            #expect(world.provider.presentations.isEmpty)
            simulation.advance(by: .seconds(2))
            #expect(world.provider.presentations.count == 1)
            world.end(replica)
        }
    }

    @Test func `under backlog a claim takes half of the provider's slots or more`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            for number in 0..<600 { world.add("c\(number)", dueIn: -Double(number)) }
            world.provider.setLatency { grant in .milliseconds(100 + grant.utf8.reduce(0) { $0 + Int($1) } % 400) }
            let replica = world.started()
            simulation.advance(by: .seconds(30))
            #expect(world.provider.presentations.count == 600)
            #expect(world.provider.inFlightMax <= 64)
            let sizes = world.store.state.withLock { $0.claimSizes }
            #expect(sizes.dropLast().allSatisfy { $0 >= 32 }, "\(sizes)")
            // A look for the backlog, and one for each drained moment.
            #expect(world.store.calls(.due) < 30)
            world.end(replica)
        }
    }

    @Test func `a loop with nothing to do asks the database a few times a minute`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let replica = world.started()
            simulation.advance(by: .seconds(600))
            #expect(world.store.calls(.due) <= 125)
            #expect(world.store.calls(.claimDue) == 0)
            world.end(replica)
        }
    }

    @Test func `a provider that hangs delays nobody else`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            for number in 0..<200 { world.add("h\(number)", provider: "patient") }
            for number in 0..<200 { world.add("k\(number)", provider: "family") }
            for number in 0..<50 { world.add("c\(number)", provider: "strict") }
            world.provider.setLatency { $0.hasPrefix("c") ? .milliseconds(50) : .seconds(1000) }
            let replica = world.replica { $0.concurrency = 100 }
            replica.start(in: simulation)
            simulation.advance(by: .seconds(3))
            #expect(world.provider.presentations.count { $0.grant.hasPrefix("c") } == 50)
            #expect(world.provider.inFlightMax <= 116)
            world.end(replica)
        }
    }

    @Test func `a provider whose rows cannot be read delays nobody else`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.add("a", provider: "family")
            world.add("b", provider: "strict")
            let isFirst = Flag(true)
            // The first claim of each round is family's.
            world.store.setFault { operation in
                guard operation == .claimDue else { return nil }
                return isFirst.toggle() ? .failed : nil
            }
            let replica = world.started()
            simulation.advance(by: .seconds(20))
            #expect(world.store.row("b")?.epoch == 2)
            world.end(replica)
        }
    }

    @Test func `a provider that asks for less is left alone, and the others are not`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            for number in 0..<100 { world.add("a\(number)", provider: "patient", dueIn: Double(number)) }
            for number in 0..<100 { world.add("b\(number)", provider: "strict", dueIn: Double(number)) }
            world.provider.setConduct { grant in
                grant.hasPrefix("a")
                    ? .refuse(status: 429, body: "{}", headers: [HeaderField("Retry-After", "20")]) : .answer
            }
            let replica = world.started()
            simulation.advance(by: .seconds(110))
            #expect(world.provider.presentations.count { $0.grant.hasPrefix("b") } == 100)
            #expect(world.provider.presentations.count { $0.grant.hasPrefix("a") } < 40)
            let limited = world.store.rows.filter { $0.lastOutcome == .rateLimited }
            #expect(!limited.isEmpty && limited.allSatisfy { $0.fails == 0 && $0.status == .active && !$0.doubt })
            world.end(replica)
        }
    }

    @Test func `a provider that does not answer is tried with a few channels at a time`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            for number in 0..<300 { world.add("a\(number)", dueIn: Double(number) / 5) }
            world.provider.setConduct { _ in .notSent }
            let replica = world.started()
            simulation.advance(by: .seconds(60))
            #expect(world.store.calls(.storeFailures) < 120)
            world.provider.setConduct { _ in .answer }
            simulation.advance(by: .seconds(240))
            #expect(world.store.rows.allSatisfy { $0.epoch == 2 })
            #expect(world.store.rows.allSatisfy { $0.fails == 0 })
            world.end(replica)
        }
    }

    @Test func `a database that is away stops sends and is found again`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.add("a", dueIn: 20)
            let replica = world.started()
            let isAway = Flag(false)
            world.store.setFault { _ in isAway.value ? .failed : nil }
            simulation.advance(by: .seconds(10))
            isAway.set(true)
            simulation.advance(by: .seconds(60))
            #expect(world.provider.presentations.isEmpty)
            #expect(replica.refresher.standing.isDatabaseDown)
            isAway.set(false)
            simulation.advance(by: .seconds(5))
            #expect(world.store.row("a")?.epoch == 2)
            #expect(!replica.refresher.standing.isDatabaseDown)
            world.end(replica)
        }
    }

    @Test func `a claim whose commit nobody heard of is not a claim`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.add("a")
            let isFirst = Flag(true)
            world.store.setFault { $0 == .claimDue && isFirst.toggle(onlyIf: true) ? .unheard : nil }
            let replica = world.started()
            simulation.advance(by: .seconds(60))
            #expect(world.provider.presentations.isEmpty)
            #expect(world.store.row("a")?.isHeld == true)
            world.end(replica)
        }
    }

    @Test func `I10: a pair that the database refuses is stored with less, and the others at once`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            for name in ["a", "b", "c"] { world.add(name) }
            world.store.setRefusal {
                $0.key.channelID == "b" && $0.accessExpiresAt != nil ? "22008: out of range" : nil
            }
            let replica = world.started()
            simulation.advance(by: .seconds(5))
            #expect(world.store.rows.map { $0.credential.refreshToken?.reveal() } == ["rt.a.2", "rt.b.2", "rt.c.2"])
            #expect(world.disk.quarantined.isEmpty)
            world.end(replica)
        }
    }

    @Test func `I10: a pair that the database never takes is set aside`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            for name in ["a", "b", "c"] { world.add(name) }
            world.store.setRefusal { $0.key.channelID == "b" ? "22021: not a text" : nil }
            let replica = world.started()
            simulation.advance(by: .seconds(5))
            #expect(world.store.row("a")?.epoch == 2 && world.store.row("c")?.epoch == 2)
            #expect(world.disk.quarantined.keys.map(\.channelID) == ["b"])
            #expect(world.store.row("b")?.isHeld == false)
            world.end(replica)
        }
    }

    @Test func `a sealed credential that does not open quarantines its channel without a call`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.add("a")
            world.add("b")
            world.store.change("a") { $0.credentialFault = .unreadable }
            world.store.change("b") { $0.credentialFault = .unknownKey(kid: "k9") }
            let replica = world.started()
            simulation.advance(by: .seconds(5))
            #expect(world.provider.presentations.isEmpty)
            let damaged = try #require(world.store.row("a"))
            #expect(damaged.reason == .sealedUnreadable && damaged.dueAt == nil)
            let foreign = try #require(world.store.row("b"))
            #expect(foreign.status == .active && foreign.dueAt != nil && foreign.fails == 0)
            world.end(replica)
        }
    }

    @Test func `I8: an answer without the required refresh token leaves a doubt that its verdict ends`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.add("a", provider: "demanding")
            world.provider.setConduct { _ in .omitRefreshToken }
            let replica = world.started()
            simulation.advance(by: .seconds(5))
            let row = try #require(world.store.row("a"))
            #expect(row.doubt && row.status == .active && row.credential.accessToken == Secret("at.a.2"))
            #expect(row.credential.refreshToken == Secret("rt.a.1"))
            world.provider.setConduct { _ in .answer }
            simulation.advance(by: .seconds(180))
            let end = try #require(world.store.row("a"))
            #expect(end.reason == .reauthorizationRequired && end.lastCode == "rotation_lost" && end.dueAt == nil)
            #expect(replica.metrics.value("tokenward_rotation_lost_total") == 1)
            world.end(replica)
        }
    }

    @Test func `a class-free app whose answer brings another refresh token is journalled from then on`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation, isStrict: true)
            world.add("a", provider: "free")
            let replica = world.started()
            simulation.advance(by: .seconds(5))
            #expect(replica.journal.appends == 1)
            #expect(world.store.row("a")?.credential.refreshToken == Secret("rt.a.2"))
            world.add("b", provider: "free")
            world.provider.setConduct { _ in .loseAnswer }
            simulation.advance(by: .seconds(60))
            #expect(world.store.row("b")?.doubt == true)
            world.end(replica)
        }
    }

    @Test func `a class-free provider that keeps its tokens is never journalled nor doubted`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation, isStrict: false)
            world.add("a", provider: "free")
            world.provider.setConduct { _ in .loseAnswer }
            let replica = world.started()
            simulation.advance(by: .seconds(30))
            #expect(world.store.row("a")?.doubt == false)
            world.provider.setConduct { _ in .answer }
            simulation.advance(by: .seconds(600))
            #expect(world.store.row("a")?.epoch == 2)
            #expect(replica.journal.appends == 0)
            world.end(replica)
        }
    }

    @Test func `a body that broke off after its whole object is used`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.add("a")
            world.provider.setConduct { _ in .cut(10_000) }
            let replica = world.started()
            simulation.advance(by: .seconds(5))
            #expect(world.store.row("a")?.credential.refreshToken == Secret("rt.a.2"))
            world.end(replica)
        }
    }
}

/// A switch that closures share.
final class Flag: Sendable {
    private let state: Mutex<Bool>

    init(_ value: Bool) { state = Mutex(value) }

    var value: Bool { state.withLock { $0 } }
    func set(_ value: Bool) { state.withLock { $0 = value } }

    /// Turns it over and returns what it was.
    func toggle() -> Bool {
        state.withLock { value in
            defer { value.toggle() }
            return value
        }
    }

    /// Turns it over if it is so, and returns whether it was.
    func toggle(onlyIf wanted: Bool) -> Bool {
        state.withLock { value in
            guard value == wanted else { return false }
            value.toggle()
            return true
        }
    }
}
