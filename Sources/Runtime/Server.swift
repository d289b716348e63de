import API
import Domain
import FoundationEssentials
import Jobs
import Journal
package import Logging
import MicroHTTP
import Notifier
import Providers
import Reauthorization
import Refresher
import Sealing
import ServiceLifecycle
import Store

/// The whole service over one installation; the order of its list is the order of dependency.
package struct Server: Sendable {
    let installation: Installation
    let logger: Logger
    let signals: StopSignals
    /// Nil: until a signal.
    let stopAfter: Duration?

    package init(
        installation: Installation, signals: StopSignals, logger: Logger, stopAfter: Duration? = nil
    ) {
        self.installation = installation
        self.signals = signals
        self.logger = logger
        self.stopAfter = stopAfter
    }

    /// Runs until SIGTERM or SIGINT: what is in flight ends, leases are released, everything is closed.
    ///
    /// - Parameter onStart: called with `address:port` when requests are answered.
    package func run(onStart: @Sendable (String) -> Void) async throws {
        let ports = try await RefreshPorts.open(
            installation, concurrency: installation.settings.limits.concurrency)
        let result: Result<Void, any Error>
        do {
            result = .success(try await run(ports, onStart: onStart))
        } catch {
            result = .failure(error)
        }
        await ports.close()
        try result.get()
    }

    private func run(_ ports: RefreshPorts, onStart: @Sendable (String) -> Void) async throws {
        let settings = installation.settings
        let metrics = Metrics()
        let heartbeats = Heartbeats()
        let wakes = WebServer.RelayWakes()
        let refresher = ports.refresher(
            installation, claimsDue: true, news: wakes.relay, metrics: metrics, heartbeats: heartbeats, logger: logger)
        let health = HealthBoard(
            heartbeats: heartbeats, heartbeatMaxAge: settings.limits.heartbeatMaxAge, version: Version.text
        ) { [journal = ports.journal] in
            let standing = refresher.standing
            return HealthBoard.Scheduler(
                isRunning: standing.isRunning, lastRunAt: standing.lastRunAt, inFlight: standing.inFlight,
                degraded: standing.isJournalDown ? "the journal cannot keep answers" : journal.standing().failure)
        }
        try await FirstChannels(installation: installation, logger: logger).importMissing()
        try await installation.putConfiguredDestinations()
        try await installation.putConfiguredSchedules()
        try await installation.store.register(
            installation.apps.all.map { app in
                let text = ([app.clientID] + app.secrets.map { $0.reveal() }).joined(separator: "\u{0}")
                let digest = installation.ring.keyedDigest(of: Array(text.utf8), purpose: "app")
                return (app, digest.map { String($0, radix: 16) }.joined(separator: "."))
            })
        let reads = ReadCounter()
        let jobSignal = WakeSignal()
        let scheduleSignal = WakeSignal()
        let web = try WebServer(
            installation: installation, ports: ports, refresher: refresher, health: health, metrics: metrics,
            reads: reads, jobSignal: jobSignal, scheduleSignal: scheduleSignal, relayWakes: wakes, logger: logger)
        let notifier = notifierSettings { refresher.standing.isClockInDoubt }
        let transport = CurlTransport(client: ports.curl)
        let dispatcher = Dispatcher(
            store: installation.store, transports: installation.transports(transport, publicURL: web.publicURL),
            links: installation.messageLinks(publicURL: web.publicURL), settings: notifier, wake: wakes.dispatcher,
            heartbeats: heartbeats, metrics: metrics, logger: logger)
        let services: [any Service] = [
            web,
            Observer(
                store: installation.store, relay: installation.store, journal: ports.journal,
                journalID: ports.journal.id, ring: installation.ring.kids, health: health, metrics: metrics,
                heartbeats: heartbeats, reads: reads, clock: SystemClock(), logger: logger),
            JobRunner(
                store: installation.store, refresher: refresher, cleaner: installation.cleaner(logger),
                concurrency: settings.limits.jobs, wake: jobSignal, heartbeats: heartbeats, logger: logger),
            ScheduleRunner(
                store: installation.store, wake: scheduleSignal, jobs: jobSignal, heartbeats: heartbeats,
                logger: logger),
            dispatcher,
            Relay(
                store: installation.store, settings: notifier, wake: wakes.relay, dispatcher: wakes.dispatcher,
                departures: dispatcher.early, heartbeats: heartbeats, logger: logger),
            Cadence(
                store: installation.store, settings: notifier, wake: wakes.cadence, dispatcher: wakes.dispatcher,
                heartbeats: heartbeats, logger: logger),
            refresher, web.reauthorization.sweep(heartbeats: heartbeats),
            Drain(health: health),
        ]
        onStart(web.address)
        if let path = installation.adminTokenPath {
            logger.notice("the admin token is in a file", metadata: ["event": "admin.token", "path": "\(path)"])
        }
        var configuration = ServiceGroupConfiguration(
            services: services.map { .init(service: Part(service: $0)) }, logger: Self.lifecycleLogger(logger))
        configuration.maximumGracefulShutdownDuration = settings.limits.shutdownTimeout
        let group = ServiceGroup(configuration: configuration)
        try await during({
            await self.stopRequest()
            await group.triggerGracefulShutdown()
        }) {
            do {
                try await group.run()
            } catch let error as ServiceGroupError {
                throw StartError(.failed, "A part of the service ended by itself, so all of it was stopped: \(error).")
            }
        }
    }

    /// Returns when the service is to stop: at a signal, or when its time is over.
    private func stopRequest() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await signals.first() }
            if let stopAfter { group.addTask { try? await Task.sleep(for: stopAfter) } }
            await group.next()
            group.cancelAll()
        }
    }

    private func notifierSettings(isClockInDoubt: @escaping @Sendable () -> Bool) -> NotifierSettings {
        let relay = installation.settings.relay
        let catalogue = installation.catalogue
        return NotifierSettings(
            schedule: DeliverySchedule(delays: relay.deliveryRetryDelays), language: relay.language,
            rules: RelayRules(
                groupWait: relay.groupWait, remindEvery: relay.remindEvery,
                deadlines: Dictionary(
                    uniqueKeysWithValues: catalogue.names.compactMap { name in
                        catalogue[name]?.deadlineRule.map { (name, $0) }
                    }), refreshBefore: { catalogue[$0]?.policy.refreshBefore }), isClockInDoubt: isClockInDoubt)
    }

    /// The lifecycle library tells each step; people want those when they debug.
    private static func lifecycleLogger(_ logger: Logger) -> Logger {
        var quiet = logger
        quiet.logLevel = logger.logLevel <= .debug ? .debug : .warning
        return quiet
    }
}

/// The first to hear of a stop: readiness says so while everything else still works.
struct Drain: Service {
    let health: HealthBoard

    func run() async throws {
        try await gracefulShutdown()
        health.drain()
    }
}

/// A part of the service that the group of them describes by its name: described in full it is the whole catalogue.
private struct Part: Service, CustomStringConvertible {
    let service: any Service

    var description: String { String(describing: type(of: service)) }

    func run() async throws { try await service.run() }
}
