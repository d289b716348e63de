import Domain
import FoundationEssentials
import Synchronization
import Testing

@testable import Refresher

@Suite("Store batcher")
struct StoreBatcherTests {
    /// A world with a batcher alone, its rows claimed.
    struct Bench: Sendable {
        let world: World
        let batcher: StoreBatcher
        let claims: [Claim]
        let results = Results()
        let news = WakeSignal()

        init(_ simulation: Simulation, rows: Int) throws {
            world = try World(simulation)
            let store = world.store
            for number in 0..<rows { world.add("c\(number)") }
            batcher = StoreBatcher(
                store: store, gate: SendGate(clock: simulation), news: news, clock: simulation,
                logger: world.log.logger)
            let kept = Mutex<[Claim]>([])
            simulation.start {
                let batch = try? await store.claim(channels: store.rows.map(\.id), leases: [:])
                kept.withLock { $0 = batch?.claims ?? [] }
            }
            simulation.settle()
            claims = kept.withLock { $0 }
        }

        func run() {
            world.simulation.start { [batcher, results] in
                await batcher.run()
                results.note("end", .abandoned)
            }
        }

        func submit(_ finished: FinishedAttempt) {
            world.simulation.start { [batcher, results] in
                results.note(finished.claim.channelID.rawValue, await batcher.submit(finished))
            }
        }

        func success(_ claim: Claim, attempt: Int64? = nil) -> FinishedAttempt {
            var claim = claim
            if let attempt { claim.key.attempt = attempt }
            return FinishedAttempt(
                claim: claim,
                end: .success(
                    StoredSuccess(
                        key: claim.key, tenantID: "t", provider: "strict", grantID: claim.grantID,
                        credential: ModelProvider.credential(claim.channelID.rawValue, 2),
                        accessIssuedAt: world.store.now,
                        accessExpiresAt: world.store.now.addingTimeInterval(3600), refreshExpiresAt: nil,
                        humanDeadlineAt: nil, dueAt: world.store.now.addingTimeInterval(3000))),
                endedAt: world.store.now, isNoted: true)
        }

        func failure(_ claim: Claim, base: Int64? = nil, warning: WarningReason? = nil) -> FinishedAttempt {
            FinishedAttempt(
                claim: claim,
                end: .failure(
                    StoredFailure(
                        key: claim.key, base: base ?? claim.base, outcome: .transient, code: "x", message: "x",
                        dueAt: world.store.now.addingTimeInterval(60), doubt: false, fails: 1, denials: 0,
                        warning: warning)),
                endedAt: world.store.now, isNoted: true)
        }

        func release(_ claim: Claim) -> FinishedAttempt {
            FinishedAttempt(
                claim: claim,
                end: .release(dueAt: world.store.now.addingTimeInterval(5), code: "gate_closed", message: ""),
                endedAt: world.store.now, isNoted: true)
        }
    }

    final class Results: Sendable {
        private let all = Mutex<[(String, StoreBatcher.Settled)]>([])

        func note(_ name: String, _ result: StoreBatcher.Settled) { all.withLock { $0.append((name, result)) } }
        subscript(name: String) -> StoreBatcher.Settled? {
            all.withLock { $0.first { $0.0 == name }?.1 }
        }
        var count: Int { all.withLock { $0.count } }
    }

    @Test func `what comes while a batch is stored is the next batch`() async throws {
        try await Simulation.run { simulation in
            let bench = try Bench(simulation, rows: 1200)
            bench.world.store.setFault { _ in .slow(.seconds(1)) }
            bench.run()
            for claim in bench.claims { bench.submit(bench.success(claim)) }
            simulation.advance(by: .seconds(5))
            #expect(bench.results.count == 1200)
            let sizes = bench.world.store.state.withLock { $0.batchSizes }
            #expect(sizes.count <= 6 && sizes.max() == 500)
            bench.batcher.finish()
            simulation.advance(by: .seconds(1))
            #expect(bench.results["end"] != nil && bench.batcher.backlog == 0)
        }
    }

    @Test func `each kind of end is stored, also beside one that always fails`() async throws {
        try await Simulation.run { simulation in
            let bench = try Bench(simulation, rows: 3)
            bench.world.store.setFault { $0 == .storeFailures ? .failed : nil }
            bench.run()
            bench.submit(bench.success(bench.claims[0]))
            bench.submit(bench.failure(bench.claims[1]))
            bench.submit(bench.release(bench.claims[2]))
            simulation.advance(by: .seconds(10))
            #expect(bench.results["c0"] == .decided(.stored) && bench.results["c2"] == .decided(.stored))
            #expect(bench.results["c1"] == nil && bench.batcher.backlog == 1)
            #expect(bench.world.store.row("c2")?.isHeld == false)
            bench.world.store.setFault { _ in nil }
            bench.batcher.finish()
            simulation.advance(by: .seconds(40))
            #expect(bench.results["c1"] == .decided(.stored) && bench.results["end"] != nil)
        }
    }

    @Test func `whoever tells people hears of a flagged channel, not of every end`() async throws {
        try await Simulation.run { simulation in
            let bench = try Bench(simulation, rows: 4)
            simulation.start { [news = bench.news, results = bench.results] in
                await news.next()
                results.note("news", .abandoned)
            }
            bench.run()
            bench.submit(bench.success(bench.claims[0]))
            bench.submit(bench.failure(bench.claims[1]))
            bench.submit(bench.release(bench.claims[2]))
            simulation.advance(by: .seconds(1))
            #expect(bench.results["c1"] == .decided(.stored) && bench.results["news"] == nil)
            bench.submit(bench.failure(bench.claims[3], warning: .reauthorizationRequired))
            simulation.advance(by: .seconds(1))
            #expect(bench.results["c3"] == .decided(.stored) && bench.results["news"] != nil)
            bench.batcher.finish()
            simulation.advance(by: .seconds(1))
        }
    }

    @Test func `I10: one row that breaks its transaction ends up alone`() async throws {
        struct Poisoned: RefreshStoreWrapper {
            let base: MemoryStore
            func complete(_ successes: [StoredSuccess]) async throws -> [CompletionResult] {
                if successes.contains(where: { $0.key.channelID == "c7" }) { throw MemoryStore.Failure() }
                return try await base.complete(successes)
            }
        }
        try await Simulation.run { simulation in
            let bench = try Bench(simulation, rows: 100)
            let batcher = StoreBatcher(
                store: Poisoned(base: bench.world.store), gate: SendGate(clock: simulation), clock: simulation,
                logger: bench.world.log.logger)
            simulation.start { await batcher.run() }
            for claim in bench.claims {
                simulation.start { [results = bench.results] in
                    results.note(claim.channelID.rawValue, await batcher.submit(bench.success(claim)))
                }
            }
            simulation.advance(by: .seconds(60))
            #expect(bench.results.count == 99 && bench.results["c7"] == nil)
            #expect(batcher.backlog == 1)
        }
    }

    @Test func `a commit that nobody heard of is run again and is not stored twice`() async throws {
        try await Simulation.run { simulation in
            let bench = try Bench(simulation, rows: 3)
            let isFirst = [Flag(true), Flag(true), Flag(true)]
            bench.world.store.setFault { operation in
                switch operation {
                case .storeSuccesses: isFirst[0].toggle(onlyIf: true) ? .unheard : nil
                case .storeFailures: isFirst[1].toggle(onlyIf: true) ? .unheard : nil
                case .release: isFirst[2].toggle(onlyIf: true) ? .unheard : nil
                default: nil
                }
            }
            bench.run()
            bench.submit(bench.success(bench.claims[0]))
            bench.submit(bench.failure(bench.claims[1]))
            bench.submit(bench.release(bench.claims[2]))
            simulation.advance(by: .seconds(5))
            for name in ["c0", "c1", "c2"] { #expect(bench.results[name] == .decided(.stored)) }
            #expect(bench.world.store.row("c0")?.epoch == 2)
            #expect(bench.world.store.violations == [])
            bench.batcher.finish()
            simulation.advance(by: .seconds(1))
        }
    }

    @Test func `of two ends of one channel the newer is stored first, in a batch of its own`() async throws {
        try await Simulation.run { simulation in
            let bench = try Bench(simulation, rows: 1)
            let claim = bench.claims[0]
            bench.world.store.change("c0") { $0.attempt += 5 }
            bench.submit(bench.success(claim))
            bench.submit(bench.success(claim, attempt: claim.attempt + 5))
            simulation.settle()
            bench.run()
            simulation.advance(by: .seconds(2))
            #expect(bench.world.store.row("c0")?.written == claim.attempt + 5)
            #expect(bench.world.store.state.withLock { $0.batchSizes } == [1, 1])
            #expect(bench.world.store.violations == [])
            bench.batcher.finish()
            simulation.advance(by: .seconds(1))
        }
    }

    @Test func `a superseded end gives its own claim back`() async throws {
        try await Simulation.run { simulation in
            let bench = try Bench(simulation, rows: 1)
            bench.run()
            bench.submit(bench.failure(bench.claims[0], base: 999))
            simulation.advance(by: .seconds(2))
            #expect(bench.results["c0"] == .decided(.superseded))
            let row = try #require(bench.world.store.row("c0"))
            #expect(!row.isHeld && row.dueAt.map { $0 > bench.world.store.now } ?? false && row.fails == 0)
            bench.batcher.finish()
            simulation.advance(by: .seconds(1))
            #expect(bench.results["end"] != nil)
        }
    }

    @Test func `after its end it takes nothing and says so`() async throws {
        try await Simulation.run { simulation in
            let bench = try Bench(simulation, rows: 1)
            bench.run()
            bench.batcher.finish()
            simulation.advance(by: .seconds(1))
            bench.submit(bench.success(bench.claims[0]))
            simulation.settle()
            #expect(bench.results["c0"] == .abandoned && bench.batcher.backlog == 1)
        }
    }
}

/// A store that changes one call of another.
protocol RefreshStoreWrapper: RefreshStore {
    var base: MemoryStore { get }
}

extension RefreshStoreWrapper {
    func claimDue(provider: String, lease: Duration, limit: Int, excludingApps: [String]) async throws -> ClaimBatch {
        try await base.claimDue(provider: provider, lease: lease, limit: limit, excludingApps: excludingApps)
    }
    func claim(channels: [ChannelID], leases: [String: Duration]) async throws -> ClaimBatch {
        try await base.claim(channels: channels, leases: leases)
    }
    func orphaned(among providers: [String]) async throws -> [String] {
        try await base.orphaned(among: providers)
    }
    func takeOver(provider: String, lease: Duration, free: Bool, limit: Int) async throws -> ClaimBatch {
        try await base.takeOver(provider: provider, lease: lease, free: free, limit: limit)
    }
    func complete(_ failures: [StoredFailure]) async throws -> [CompletionResult] { try await base.complete(failures) }
    func complete(_ inspections: [StoredInspection]) async throws -> [CompletionResult] {
        try await base.complete(inspections)
    }
    func tenants(of appID: String) async throws -> Int { try await base.tenants(of: appID) }
    func holdVerdicts(of appID: String, canariesAfter wait: Duration, channel: ChannelID) async throws {
        try await base.holdVerdicts(of: appID, canariesAfter: wait, channel: channel)
    }
    func takeHoldTurn(of appID: String, every interval: Duration, atMost limit: Duration) async throws -> HoldTurn {
        try await base.takeHoldTurn(of: appID, every: interval, atMost: limit)
    }
    func releaseVerdicts(of appID: String, because sentence: String) async throws {
        try await base.releaseVerdicts(of: appID, because: sentence)
    }
    func release(_ claims: [(key: ClaimKey, dueAt: Date?)]) async throws { try await base.release(claims) }
    func due(providers: [String], excludingApps: [String]) async throws -> DueProviders {
        try await base.due(providers: providers, excludingApps: excludingApps)
    }
    func snapshots(of channels: [ChannelID]) async throws -> [ChannelSnapshot] {
        try await base.snapshots(of: channels)
    }
    func fences(of channels: [ChannelID]) async throws -> [ChannelID: ChannelFence] {
        try await base.fences(of: channels)
    }
    func setApp(_ appID: String, state: AppState, reason: String, channel: ChannelID?) async throws {
        try await base.setApp(appID, state: state, reason: reason, channel: channel)
    }
    func takeProbe(of appID: String, every interval: Duration, excluding: ChannelID?) async throws -> ChannelID? {
        try await base.takeProbe(of: appID, every: interval, excluding: excluding)
    }
    func troubledApps() async throws -> [String: AppStanding] { try await base.troubledApps() }
}
