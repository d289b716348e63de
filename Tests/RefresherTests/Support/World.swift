import Domain
import FoundationEssentials
import Logging
import Providers
import Synchronization
import Testing

@testable import Refresher

/// Places in a refresh at which a process may be killed.
enum Step: String, Sendable, CaseIterable {
    case claimed, sending, sent, answered, journalling, journalled, storing, stored, noting
}

/// Whether a process still lives; its ports ask at every step.
final class Life: Sendable {
    private let isDeadFlag = Mutex(false)
    private let plan = Hook<(Step, ChannelID?), Bool> { _ in false }
    private let whenDead = Hook<Void, Void> { _ in }

    var isDead: Bool { isDeadFlag.withLock { $0 } }
    func setPlan(_ new: @escaping @Sendable (Step, ChannelID?) -> Bool) { plan.set { new($0.0, $0.1) } }
    func setWhenDead(_ body: @escaping @Sendable () -> Void) { whenDead.set { _ in body() } }

    func kill() {
        let isFirst = isDeadFlag.withLock { flag in
            defer { flag = true }
            return !flag
        }
        if isFirst { whenDead(()) }
    }

    /// False when the process does not live to see the step.
    func reaches(_ step: Step, _ channel: ChannelID? = nil) -> Bool {
        if isDead { return false }
        if plan((step, channel)) { kill() }
        return !isDead
    }
}

/// One process: a refresher over the world's database, disk and provider.
final class Replica: Sendable {
    let refresher: Refresher
    let journal: MemoryJournal
    let life: Life
    let metrics: Metrics
    private let task = Mutex<Task<Void, Never>?>(nil)
    private let end = Mutex<Result<Void, RefresherError>?>(nil)

    init(refresher: Refresher, journal: MemoryJournal, life: Life, metrics: Metrics) {
        self.refresher = refresher
        self.journal = journal
        self.life = life
        self.metrics = metrics
    }

    func start(in simulation: Simulation) {
        let running = simulation.start { [self] in
            do {
                try await refresher.run()
                end.withLock { $0 = .success(()) }
            } catch let error as RefresherError {
                end.withLock { $0 = .failure(error) }
            } catch {
                Issue.record("run() threw \(error)")
            }
        }
        task.withLock { $0 = running }
    }

    /// How `run()` returned; nil while it runs.
    var result: Result<Void, RefresherError>? { end.withLock { $0 } }

    func cancel() { task.withLock { $0 }?.cancel() }
}

/// A database, a disk, a provider and any number of replicas, in virtual time.
struct World: Sendable {
    static let app = App(
        id: "strict", provider: "strict", clientID: "client", secrets: [Secret("canary-client-secret")])

    let simulation: Simulation
    let store: MemoryStore
    let disk: JournalDisk
    let provider: ModelProvider
    let catalogue: Catalogue
    let log: LogText
    let apps: Apps

    init(_ simulation: Simulation, isStrict: Bool = true, expiresIn: Int = 3600) throws {
        self.simulation = simulation
        store = MemoryStore(clock: simulation)
        disk = JournalDisk()
        provider = ModelProvider(clock: simulation, isStrict: isStrict, expiresIn: expiresIn)
        catalogue = try Sample.catalogue()
        log = LogText()
        apps = Apps()
    }

    func replica(
        _ number: Int = 1, seed: UInt64 = 1, _ configure: (inout RefresherConfiguration) -> Void = { _ in },
        catalogue: Catalogue? = nil
    ) -> Replica {
        var configuration = RefresherConfiguration()
        configure(&configuration)
        let life = Life()
        let journal = MemoryJournal(disk: disk, process: number)
        let generator = SharedGenerator(seed: seed)
        let metrics = Metrics()
        let refresher = Refresher(
            ports: .init(
                store: LivingStore(store: store, life: life), journal: LivingJournal(journal: journal, life: life),
                sender: LivingSender(provider: provider, life: life, clock: simulation), apps: apps,
                catalogue: catalogue ?? self.catalogue),
            configuration: configuration, metrics: metrics, heartbeats: Heartbeats(clock: simulation),
            clock: simulation, logger: log.logger, random: { generator.unit() })
        let replica = Replica(refresher: refresher, journal: journal, life: life, metrics: metrics)
        life.setWhenDead {
            journal.crash(keepsNotes: false)
            replica.cancel()
        }
        return replica
    }

    func started(_ number: Int = 1, _ configure: (inout RefresherConfiguration) -> Void = { _ in }) -> Replica {
        let replica = replica(number, configure)
        replica.start(in: simulation)
        simulation.settle()
        return replica
    }

    /// A channel whose access token ends in `expiresIn` seconds and that is due in `dueIn`.
    @discardableResult
    func add(
        _ id: String, provider: String = "strict", tenant: String = "default", app: String? = nil,
        dueIn: TimeInterval = -1, expiresIn: TimeInterval = 600
    ) -> ChannelID {
        let now = store.now
        let attempt = MemoryStore.microseconds(now) - 3_600_000_000
        store.add(
            MemoryStore.Row(
                id: ChannelID(rawValue: id), tenantID: tenant, provider: provider, appID: app ?? provider,
                dueAt: now.addingTimeInterval(dueIn), attempt: attempt, grantID: attempt, written: attempt,
                credential: ModelProvider.credential(id), accessIssuedAt: now.addingTimeInterval(-3000),
                accessExpiresAt: now.addingTimeInterval(expiresIn)))
        return ChannelID(rawValue: id)
    }

    /// Runs a refresh on demand in the simulation.
    func ask(
        _ replica: Replica, _ channels: [ChannelID], _ options: RefreshOptions = RefreshOptions(force: true)
    ) -> Answer {
        let answer = Answer()
        let task = simulation.start {
            do {
                answer.set(.success(try await replica.refresher.refresh(channels, options)))
            } catch {
                answer.set(.failure(error))
            }
        }
        answer.setCancel { task.cancel() }
        simulation.settle()
        return answer
    }

    /// Stops everything, so that no task outlives the test.
    func end(_ replicas: Replica...) {
        for replica in replicas { replica.refresher.stop() }
        simulation.advance(by: .seconds(40))
        for replica in replicas where replica.result == nil {
            replica.cancel()
            simulation.advance(by: .seconds(120))
        }
        #expect(replicas.allSatisfy { $0.result != nil }, "run() did not return")
        #expect(store.violations == [])
    }
}

/// What a refresh on demand came to.
final class Answer: Sendable {
    private let state = Mutex<Result<[RefreshReport], any Error>?>(nil)
    private let canceller = Hook<Void, Void> { _ in }

    func set(_ result: Result<[RefreshReport], any Error>) { state.withLock { $0 = result } }
    func setCancel(_ body: @escaping @Sendable () -> Void) { canceller.set { _ in body() } }
    func cancel() { canceller(()) }

    var isThere: Bool { state.withLock { $0 != nil } }
    var reports: [RefreshReport] { (try? state.withLock { $0 }?.get()) ?? [] }
    var error: RefresherError? {
        if case .failure(let error)? = state.withLock({ $0 }) { error as? RefresherError } else { nil }
    }
}

/// The apps of all providers, with two secrets where a test wants them.
final class Apps: AppDirectory {
    let isConfigured = Flag(true)
    private let secrets = Mutex<[Secret]>([Secret("canary-client-secret")])

    func set(_ new: [String]) { secrets.withLock { $0 = new.map { Secret($0) } } }

    func app(provider: String, tenantID: String) -> App? {
        isConfigured.value
            ? App(id: provider, provider: provider, clientID: "client", secrets: secrets.withLock { $0 }) : nil
    }
}

enum Sample {
    /// One provider for each replay class.
    static let yaml = """
        schema_version: 1
        providers:
          strict:
            name: Strict
            extends: rfc6749
            connection_params: {}
            endpoints: {authorize: null, token: "https://strict.example/token", revoke: null, inspect: null}
            revoke: null
            inspect: null
            policy: {rotation: always, old_refresh_valid: none}
          revocable:
            name: Revocable
            extends: strict
            endpoints: {revoke: "https://strict.example/revoke"}
            revoke: {method: POST, encoding: form, client_auth: params, ends: token, params: {token: "{refresh_token}"}}
          consenting:
            name: Consenting
            extends: revocable
            revoke: {method: POST, encoding: form, client_auth: params, ends: consent, params: {token: "{refresh_token}"}}
          watched:
            name: Watched
            extends: strict
            endpoints: {inspect: "https://strict.example/inspect"}
            inspect:
              method: POST
              encoding: form
              client_auth: params
              params: {token: "{access_token}"}
              response: {alive: active, access_expires: {path: exp, unit: epoch_s, zero_means: never}}
            response:
              format: json
              success: []
              access_token: [access_token]
              refresh_token: [refresh_token]
              access_expires: {path: expires_in, unit: seconds, missing_means: inspect}
            policy: {rotation: always, old_refresh_valid: none, verify_extended: true}
          moving:
            name: Moving
            extends: strict
            connection_params: {place: {required: true, source: user, pattern: "^[a-z]+$"}}
            endpoints: {token: "https://{conn.place}.strict.example/token", relocate: "https://shared.strict.example/whereabouts"}
            relocate:
              method: GET
              encoding: query
              client_auth: none
              headers: {X-Refresh-Token: "{refresh_token}"}
              params: {}
              response: {parameter: place, path: place}
            errors: [{when: {status: 404}, class: unknown, reason: moved, first: relocate}]
          demanding:
            name: Demanding
            extends: strict
            policy: {require_new_refresh_token: true}
          patient:
            name: Patient
            extends: strict
            policy: {old_refresh_valid: 30m}
          family:
            name: Family
            extends: strict
            policy: {on_reuse: family_revoked}
          free:
            name: Free
            extends: strict
            policy: {rotation: never, old_refresh_valid: forever}
        """

    /// Read once: parsing takes longer than most tests.
    private static let shared = Result {
        try Catalogue.embedded().overlaid(with: [CatalogueFile(name: "test.yaml", text: yaml)])
    }

    static func catalogue() throws -> Catalogue { try shared.get() }

    static func entry(_ name: String) throws -> ProviderEntry { try #require(try catalogue()[name]) }
}

/// Everything logged, as one text.
final class LogText: Sendable {
    private let lines = Mutex<[String]>([])

    var text: String { lines.withLock { $0.joined(separator: "\n") } }

    var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

    private struct Handler: LogHandler {
        let log: LogText
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            log.lines.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
        }
    }
}
