package import Domain
import FoundationEssentials
package import Logging
import ServiceLifecycle

/// Tells, reminds and escalates when the time has come, whichever replica looks first.
package struct Cadence: Service {
    private let store: any RelayStore
    private let settings: NotifierSettings
    private let wake: WakeSignal
    private let dispatcher: WakeSignal
    private let clock: any LocalClock
    private let heartbeats: Heartbeats
    private let logger: Logger

    package static let loop = "cadence"

    /// Incidents of one transaction.
    static let batch = 500

    /// - Parameters:
    ///   - wake: sent when a person changed something that may be told at once.
    ///   - dispatcher: the dispatcher's signal, sent after there is more to deliver.
    package init(
        store: any RelayStore, settings: NotifierSettings, wake: WakeSignal = WakeSignal(),
        dispatcher: WakeSignal = WakeSignal(), clock: any LocalClock = SystemClock(), heartbeats: Heartbeats,
        logger: Logger
    ) {
        self.store = store
        self.settings = settings
        self.wake = wake
        self.dispatcher = dispatcher
        self.clock = clock
        self.heartbeats = heartbeats
        self.logger = logger
    }

    package func run() async throws {
        await withGracefulShutdownHandler {
            var watchAt = clock.now
            while !Task.isCancelled, !Task.isShuttingDownGracefully {
                heartbeats.beat(Self.loop)
                if clock.now >= watchAt, !settings.isClockInDoubt() {
                    watchAt = clock.now + settings.watchEvery
                    await work { try await store.watchDeadlines(rules: settings.rules) }
                }
                let done = await work { try await store.keepCadence(limit: Self.batch, rules: settings.rules) }
                if done < Self.batch { await wake.wait(atMost: settings.poll, clock: clock) }
            }
        } onGracefulShutdown: {
            wake.send()
        }
        heartbeats.end(Self.loop)
    }

    @discardableResult
    private func work(_ body: () async throws -> Int) async -> Int {
        do {
            let count = try await body()
            if count > 0 { dispatcher.send() }
            return count
        } catch {
            logger.warning(
                "Reminders cannot be queued", metadata: ["event": "cadence.failed", "error": "\(error)"])
            return 0
        }
    }
}
