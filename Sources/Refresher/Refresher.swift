package import Domain
package import FoundationEssentials
package import Logging
package import Providers
import ServiceLifecycle
import Synchronization

/// Keeps channels fresh: claim → call → journal → store, for what is due and for refreshes on demand alike.
///
/// `run()` settles the journal first, then loops until a graceful stop: it claims nothing more, waits for what is in
/// flight, stores it and returns. Safe in any number of replicas on one database.
package final class Refresher: Service, Sendable {
    /// What the loop talks to.
    package struct Ports: Sendable {
        package var store: any RefreshStore
        package var journal: any AnswerJournal
        package var sender: any HTTPSending
        package var apps: any AppDirectory
        package var catalogue: Catalogue
        /// Takes the answers to authorization codes that ended processes left in the journal.
        package var exchanges: (any ExchangeSettling)?
        /// Sent when a channel may have been flagged.
        package var news: WakeSignal

        package init(
            store: any RefreshStore, journal: any AnswerJournal, sender: any HTTPSending, apps: any AppDirectory,
            catalogue: Catalogue, exchanges: (any ExchangeSettling)? = nil, news: WakeSignal = WakeSignal()
        ) {
            self.store = store
            self.journal = journal
            self.sender = sender
            self.apps = apps
            self.catalogue = catalogue
            self.exchanges = exchanges
            self.news = news
        }
    }

    static let loopName = "refresh"

    let ports: Ports
    let configuration: RefresherConfiguration
    let clock: any LocalClock
    let metrics: Metrics
    let heartbeats: Heartbeats
    let logger: Logger
    let gate: SendGate
    let slots: Slots
    let batcher: StoreBatcher
    let board: AppBoard
    let pacing: Pacing
    let clockWatch: ClockWatch
    let classes = ReplayClasses()
    let inFlight = InFlight()
    let requests = WorkQueue()
    /// What ended processes left and is not settled.
    let unsettled = Mutex(Unsettled())
    /// Known when the journal was looked through: claims may be made.
    let ready = Promise<Void>()
    let scoreboard = Scoreboard()
    /// Uniform in 0..<1, for jitter.
    let random: @Sendable () -> Double

    /// Wakes the dispatcher: slots are free.
    let wake = WakeSignal()
    let stopSignal = WakeSignal()
    let appSignal = WakeSignal()
    let orphanSignal = WakeSignal()
    let journalSignal = WakeSignal()

    package init(
        ports: Ports, configuration: RefresherConfiguration = RefresherConfiguration(), metrics: Metrics = Metrics(),
        heartbeats: Heartbeats = Heartbeats(), clock: any LocalClock = SystemClock(), logger: Logger,
        random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }
    ) {
        self.ports = ports
        self.configuration = configuration
        self.clock = clock
        self.metrics = metrics
        self.heartbeats = heartbeats
        self.logger = logger
        self.random = random
        gate = SendGate(clock: clock)
        slots = Slots(limit: configuration.concurrency, limitPerProvider: configuration.concurrencyPerProvider)
        batcher = StoreBatcher(store: ports.store, gate: gate, news: ports.news, clock: clock, logger: logger)
        board = AppBoard(store: ports.store, clock: clock, logger: logger)
        pacing = Pacing(clock: clock)
        clockWatch = ClockWatch(clock: clock)
        declareMetrics()
    }

    package func run() async throws {
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                await serve()
            } onGracefulShutdown: {
                self.stop()
            }
        } onCancel: {
            stop()
        }
        heartbeats.end(Self.loopName)
        let left = batcher.backlog
        if left > 0 {
            throw RefresherError.notStored(count: left)
        }
    }

    private func serve() async {
        await withDiscardingTaskGroup { storing in
            storing.addTask { await self.batcher.run() }
            await self.settleJournal()
            self.ready.fulfil(())
            await withDiscardingTaskGroup { attempts in
                attempts.addTask { await self.requests.run() }
                attempts.addTask { await self.watchApps() }
                attempts.addTask { await self.watchJournal() }
                if self.configuration.claimsDue {
                    attempts.addTask { await self.watchOrphans() }
                    await self.dispatch(into: &attempts)
                } else {
                    await self.idleUntilStopped()
                }
            }
            self.batcher.finish()
        }
    }

    /// Stops claiming and sending; `run()` returns when all that was received is stored.
    package func stop() {
        logger.info("refresh loop stops", metadata: ["event": "scheduler.stopping", "inFlight": "\(slots.inFlight)"])
        gate.stop()
        requests.close()
        for signal in [wake, stopSignal, appSignal, orphanSignal, journalSignal] { signal.send() }
    }

    /// What `/status` says of the loop.
    package var standing: RefresherStanding {
        RefresherStanding(
            isRunning: !gate.isStopped, lastRunAt: scoreboard.lastRunAt, inFlight: slots.inFlight,
            isDatabaseDown: gate.isDatabaseDown, isJournalDown: gate.isJournalDown,
            isClockInDoubt: clockWatch.isEventOpen)
    }

    private func idleUntilStopped() async {
        while !gate.isStopped, !Task.isCancelled {
            heartbeats.beat(Self.loopName)
            await stopSignal.wait(atMost: configuration.poll, clock: clock)
        }
    }

    /// What of the catalogue and of the answers seen decides about a channel's claims and replays.
    func lease(of entry: ProviderEntry) -> Duration {
        classes.ofAll(entry).lease(margin: entry.policy.refreshBefore)
    }

    private func declareMetrics() {
        metrics.declare("tokenward_refreshes_total", .counter, help: "Ends of refresh attempts by outcome.")
        metrics.declare(
            "tokenward_refresh_lateness_seconds", .histogram, help: "Time from a channel's due time to its claim.")
        metrics.declare(
            "tokenward_rotation_lost_total", .counter,
            help: "Grants found dead whose newest refresh token may have been lost.", initial: [[]])
        metrics.declare(
            "tokenward_journal_settled_total", .counter, help: "Journal entries of ended processes by result.",
            initial: ["stored", "superseded", "failed", "refused", "quarantined"].map { [("result", $0)] })
    }
}

/// What the refresh loop is doing now.
package struct RefresherStanding: Sendable {
    package var isRunning: Bool
    package var lastRunAt: Date?
    package var inFlight: Int
    package var isDatabaseDown: Bool
    package var isJournalDown: Bool
    /// The database's clock jumped lately (PROTOCOL §10).
    package var isClockInDoubt: Bool
}

/// Why the refresh loop ended badly, or takes no work.
package enum RefresherError: RefreshNotTaken, Sendable, Equatable, CustomStringConvertible {
    case notStored(count: Int)
    case stopping
    case starting

    package var description: String {
        switch self {
        case .notStored(let count):
            "\(count) answers could not be stored before the end; the journal keeps those of rotating providers "
                + "for the next start."
        case .stopping:
            "The refresh loop is stopping; try again."
        case .starting:
            "The refresh loop still settles its journal; try again."
        }
    }
}

/// When the loop last ended a refresh.
final class Scoreboard: Sendable {
    private let last = Mutex<Date?>(nil)

    var lastRunAt: Date? { last.withLock { $0 } }

    func note() {
        let now = Date()
        last.withLock { $0 = now }
    }
}
