package import Domain
import FoundationEssentials
package import Logging
import ServiceLifecycle

/// Turns events into incidents and deliveries, in order and once each, whichever replica does it.
package struct Relay: Service {
    private let store: any RelayStore
    private let settings: NotifierSettings
    private let wake: WakeSignal
    private let dispatcher: WakeSignal
    private let clock: any LocalClock
    private let heartbeats: Heartbeats
    private let logger: Logger

    package static let loop = "relay"

    /// Events of one transaction.
    static let batch = 1000

    /// - Parameters:
    ///   - wake: sent when an event may have been written.
    ///   - dispatcher: the dispatcher's signal, sent after events became deliveries.
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
            while !Task.isCancelled, !Task.isShuttingDownGracefully {
                heartbeats.beat(Self.loop)
                if await expand() < Self.batch {
                    await wake.wait(atMost: settings.poll, clock: clock)
                }
            }
        } onGracefulShutdown: {
            wake.send()
        }
        heartbeats.end(Self.loop)
    }

    private func expand() async -> Int {
        do {
            let expanded = try await store.expandEvents(limit: Self.batch, rules: settings.rules)
            if expanded > 0 { dispatcher.send() }
            return expanded
        } catch {
            logger.warning(
                "Events cannot be relayed", metadata: ["event": "relay.failed", "error": "\(error)"])
            return 0
        }
    }
}
