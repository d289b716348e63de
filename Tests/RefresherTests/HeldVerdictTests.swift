import Domain
import FoundationEssentials
import Synchronization
import Testing

@testable import Refresher

@Suite("Many channels of one app at once")
struct HeldVerdictTests {
    static let denial = ModelProvider.Conduct.refuse(status: 400, body: #"{"error":"invalid_grant"}"#)

    /// Channels of several tenants that fall due over two minutes.
    private func world(_ simulation: Simulation, channels: Int, tenants: Int) throws -> World {
        let world = try World(simulation)
        for number in 0..<channels {
            world.add(
                "c\(number)", tenant: "t\(number % tenants)", dueIn: Double(number) * 120 / Double(channels),
                expiresIn: 30_000)
        }
        return world
    }

    private func news(_ world: World) -> [String] {
        world.store.events.filter { $0.appID != nil }.map { "\($0.kind) \($0.reason ?? "")" }
    }

    private func flagged(_ world: World) -> [MemoryStore.Row] {
        world.store.rows.filter { $0.reason == .reauthorizationRequired }
    }

    @Test func `500 channels of one wrong secret: nobody is asked`() async throws {
        try await Simulation.run { simulation in
            let world = try world(simulation, channels: 500, tenants: 10)
            world.provider.setConduct { _ in AppBoardTests.refusal }
            let replica = world.started()
            simulation.advance(by: .seconds(3 * 3600))
            #expect(news(world) == ["app_rejected app_credentials"])
            #expect(world.store.events.count == 1)
            #expect(world.store.rows.allSatisfy { $0.status == .active && $0.fails == 0 && $0.denials == 0 })
            #expect(world.provider.presentations.count <= 100, "a probe every ten minutes")
            world.end(replica)
        }
    }

    @Test func `a provider that revokes 500 grants of one app: held, canaries, then flagged`() async throws {
        try await Simulation.run { simulation in
            let world = try world(simulation, channels: 500, tenants: 4)
            for row in world.store.rows { world.provider.revoke(row.id.rawValue) }
            let replica = world.started()
            simulation.advance(by: .seconds(14 * 60))
            #expect(flagged(world).isEmpty && news(world) == ["app_rejected grants_denied"])
            let before = world.provider.presentations.count
            #expect(before >= 500 && before <= 1000)
            simulation.advance(atMost: .seconds(180)) { news(world).count == 2 }
            #expect(world.provider.presentations.count - before == 4, "a canary of each tenant")
            #expect(news(world) == ["app_rejected grants_denied", "app_recovered grants_denied"])
            simulation.advance(by: .seconds(240))
            #expect(flagged(world).count == 500 && world.store.rows.allSatisfy { $0.dueAt == nil })
            #expect(world.store.events.filter { $0.kind == "warning" }.count == 500)
            world.end(replica)
        }
    }

    @Test func `a provider that denies by mistake is asked again and nobody is told`() async throws {
        try await Simulation.run { simulation in
            let world = try world(simulation, channels: 60, tenants: 3)
            let isMistaken = Flag(true)
            world.provider.setConduct { _ in isMistaken.value ? Self.denial : .answer }
            let replicas = [world.started(1), world.started(2)]
            simulation.advance(by: .seconds(600))
            isMistaken.set(false)
            simulation.advance(by: .seconds(600))
            #expect(news(world) == ["app_rejected grants_denied", "app_recovered grants_denied"])
            #expect(world.store.events.count == 2 && flagged(world).isEmpty)
            #expect(world.store.rows.allSatisfy { $0.epoch == 2 && $0.denials == 0 })
            world.end(replicas[0], replicas[1])
        }
    }

    @Test func `I11: a single tenant never holds another tenant's verdicts`() async throws {
        try await Simulation.run { simulation in
            let world = try world(simulation, channels: 40, tenants: 2)
            for row in world.store.rows where row.tenantID == "t0" { world.provider.revoke(row.id.rawValue) }
            let replica = world.started()
            simulation.advance(by: .seconds(300))
            #expect(news(world) == [])
            #expect(Set(flagged(world).map(\.tenantID)) == ["t0"] && flagged(world).count == 20)
            world.end(replica)
        }
    }

    @Test func `an app of one tenant holds its verdicts too`() async throws {
        try await Simulation.run { simulation in
            let world = try world(simulation, channels: 40, tenants: 1)
            for row in world.store.rows { world.provider.revoke(row.id.rawValue) }
            let replica = world.started()
            simulation.advance(by: .seconds(600))
            #expect(flagged(world).isEmpty && news(world) == ["app_rejected grants_denied"])
            simulation.advance(by: .seconds(900))
            #expect(flagged(world).count == 40)
            world.end(replica)
        }
    }

    @Test func `a hold without an answer ends within the hour`() async throws {
        try await Simulation.run { simulation in
            let world = try world(simulation, channels: 20, tenants: 2)
            let isDown = Flag(false)
            world.provider.setConduct { _ in
                isDown.value
                    ? .refuse(status: 429, body: "{}", headers: [HeaderField("Retry-After", "1")]) : Self.denial
            }
            let replica = world.started()
            simulation.advance(by: .seconds(300))
            #expect(news(world) == ["app_rejected grants_denied"])
            isDown.set(true)
            simulation.advance(by: .seconds(3000))
            #expect(flagged(world).isEmpty && news(world).count == 1)
            simulation.advance(by: .seconds(420))
            #expect(news(world) == ["app_rejected grants_denied", "app_recovered grants_denied"])
            isDown.set(false)
            simulation.advance(by: .seconds(3600))
            #expect(flagged(world).count == 20)
            world.end(replica)
        }
    }

    @Test func `an outage is one degraded provider and no channel's failure`() async throws {
        try await Simulation.run { simulation in
            let world = try world(simulation, channels: 50, tenants: 5)
            let isDown = Flag(true)
            world.provider.setConduct { _ in isDown.value ? .refuse(status: 503, body: "<html>") : .answer }
            let replica = world.started()
            simulation.advance(by: .seconds(2 * 3600))
            #expect(news(world).map { $0.split(separator: " ")[0] } == ["provider_degraded"])
            #expect(world.store.events.count == 1)
            #expect(world.store.rows.allSatisfy { $0.status == .active && $0.fails <= 1 && $0.denials == 0 })
            isDown.set(false)
            simulation.advance(by: .seconds(3 * 3600))
            #expect(news(world).map { $0.split(separator: " ")[0] } == ["provider_degraded", "provider_recovered"])
            #expect(world.store.rows.allSatisfy { $0.epoch > 1 && $0.fails == 0 && $0.status == .active })
            world.end(replica)
        }
    }

    @Test func `channels that fail beside others that do not are their own trouble`() async throws {
        try await Simulation.run { simulation in
            let world = try world(simulation, channels: 20, tenants: 2)
            world.provider.setConduct { grant in
                ["c3", "c12"].contains(grant) ? .refuse(status: 400, body: #"{"error":"invalid_request"}"#) : .answer
            }
            let replica = world.started()
            simulation.advance(by: .seconds(12_000))
            #expect(news(world) == [])
            #expect(world.store.rows.filter { $0.reason == .refreshFailing }.map(\.id) == ["c12", "c3"])
            world.end(replica)
        }
    }

    @Test(arguments: 1...4)
    func `I9: whatever befalls apps, the revoked are flagged and nobody else`(seed: UInt64) async throws {
        try await Simulation.run { simulation in
            let world = try world(simulation, channels: 40, tenants: 4)
            let generator = SharedGenerator(seed: seed)
            let weather = Mutex(0)
            world.provider.setConduct { _ in
                switch weather.withLock({ $0 }) {
                case 1: AppBoardTests.refusal
                case 2: .refuse(status: 503, body: "<html>")
                case 3: Self.denial
                default: .answer
                }
            }
            let replicas = [world.started(1), world.started(2)]
            var revoked: Set<ChannelID> = []
            for round in 0..<12 {
                weather.withLock { $0 = round == 0 ? 3 : Int(generator.unit() * 3) }
                for row in world.store.rows where generator.chance(0.02) {
                    world.provider.revoke(row.id.rawValue)
                    revoked.insert(row.id)
                }
                // A denial by mistake lasts less than the confirmation of a single channel.
                simulation.advance(by: .seconds(round == 0 ? 20 : 300 + generator.unit() * 1500))
                weather.withLock { $0 = 0 }
                simulation.advance(by: .seconds(60))
                #expect(Set(flagged(world).map(\.id)).isSubset(of: revoked))
            }
            simulation.advance(by: .seconds(5 * 3600))
            #expect(Set(flagged(world).map(\.id)) == revoked)
            let kinds = Dictionary(grouping: world.store.events.map(\.kind), by: { $0 }).mapValues(\.count)
            #expect(
                kinds["app_rejected"] == kinds["app_recovered"]
                    && kinds["provider_degraded"] == kinds["provider_recovered"])
            world.end(replicas[0], replicas[1])
        }
    }
}
