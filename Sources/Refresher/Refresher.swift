package import Domain
package import Logging
package import Providers
import ServiceLifecycle
package import FoundationEssentials
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

        package init(
            store: any RefreshStore, journal: any AnswerJournal, sender: any HTTPSending, apps: any AppDirectory,
            catalogue: Catalogue
        ) {
            self.store = store
            self.journal = journal
            self.sender = sender
            self.apps = apps
            self.catalogue = catalogue
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
    let inFlight = InFlight()
    let wake = WakeSignal()
    let scoreboard = Scoreboard()
    let pacing: Pacing

    private let requests: AsyncStream<@Sendable () async -> Void>
    private let submit: AsyncStream<@Sendable () async -> Void>.Continuation

    package init(
        ports: Ports, configuration: RefresherConfiguration = RefresherConfiguration(), metrics: Metrics = Metrics(),
        heartbeats: Heartbeats = Heartbeats(), clock: any LocalClock = SystemClock(), logger: Logger
    ) {
        self.ports = ports
        self.configuration = configuration
        self.clock = clock
        self.metrics = metrics
        self.heartbeats = heartbeats
        self.logger = logger
        gate = SendGate(clock: clock)
        slots = Slots(limit: configuration.concurrency, limitPerProvider: configuration.concurrencyPerProvider)
        batcher = StoreBatcher(store: ports.store, gate: gate, clock: clock, logger: logger)
        board = AppBoard(store: ports.store, logger: logger)
        pacing = Pacing(clock: clock)
        (requests, submit) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(100_000))
        declareMetrics()
    }

    package func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { outer in
                outer.addTask { await self.batcher.run() }
                await self.settleJournal()
                await withDiscardingTaskGroup { attempts in
                    attempts.addTask { await self.serveRequests() }
                    attempts.addTask { await self.watchApps() }
                    if self.configuration.claimsDue {
                        attempts.addTask { await self.watchOrphans() }
                        await self.dispatch(into: &attempts)
                    } else {
                        await self.idleUntilStopped()
                    }
                    self.submit.finish()
                }
                self.batcher.finish()
            }
        } onGracefulShutdown: {
            self.stop()
        }
        heartbeats.end(Self.loopName)
        let left = batcher.backlog
        if left > 0 {
            throw RefresherError.notStored(count: left)
        }
    }

    /// Stops claiming and sending; `run()` returns when all that was received is stored.
    package func stop() {
        logger.info("refresh loop stops", metadata: ["event": "scheduler.stopping", "inFlight": "\(slots.inFlight)"])
        gate.stop()
        submit.finish()
        wake.send()
        stopSignal.send()
        appSignal.send()
        orphanSignal.send()
    }

    let stopSignal = WakeSignal()
    let appSignal = WakeSignal()
    let orphanSignal = WakeSignal()

    /// What `/status` says of the loop.
    package var standing: RefresherStanding {
        RefresherStanding(
            isRunning: !gate.isStopped, lastRunAt: scoreboard.lastRunAt, inFlight: slots.inFlight,
            isDatabaseDown: gate.isDatabaseDown, isJournalDown: gate.isJournalDown)
    }

    /// Runs work inside `run()`'s tasks, so that a caller that leaves cuts nothing. False after the stop.
    func enqueue(_ work: @escaping @Sendable () async -> Void) -> Bool {
        if case .enqueued = submit.yield(work) { return true }
        return false
    }

    private func serveRequests() async {
        await withDiscardingTaskGroup { group in
            for await request in requests { group.addTask { await request() } }
        }
    }

    private func idleUntilStopped() async {
        while !gate.isStopped, !Task.isCancelled {
            heartbeats.beat(Self.loopName)
            await stopSignal.wait(atMost: configuration.poll, clock: clock)
        }
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
            initial: ["stored", "superseded", "failed", "refused"].map { [("result", $0)] })
    }
}

/// What the refresh loop is doing now.
package struct RefresherStanding: Sendable {
    package var isRunning: Bool
    package var lastRunAt: Date?
    package var inFlight: Int
    package var isDatabaseDown: Bool
    package var isJournalDown: Bool
}

/// Why the refresh loop ended badly.
package enum RefresherError: Error, Sendable, Equatable, CustomStringConvertible {
    case notStored(count: Int)
    case stopping

    package var description: String {
        switch self {
        case .notStored(let count):
            "\(count) answers could not be stored before the end; the journal keeps them for the next start."
        case .stopping:
            "The refresh loop is stopping; try again."
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

/// Pauses of whole providers that asked for less (429 with `Retry-After`).
final class Pacing: Sendable {
    static let pauseMax: Duration = .seconds(900)

    private let clock: any LocalClock
    private let until = Mutex<[String: ContinuousClock.Instant]>([:])

    init(clock: any LocalClock) {
        self.clock = clock
    }

    func pause(_ provider: String, for duration: Duration) {
        let end = clock.now + min(duration, Self.pauseMax)
        until.withLock { $0[provider] = max($0[provider] ?? end, end) }
    }

    func isPaused(_ provider: String) -> Bool {
        let now = clock.now
        return until.withLock { ($0[provider] ?? now) > now }
    }
}
