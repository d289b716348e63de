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
    private let departures: Departures?
    private let clock: any LocalClock
    private let heartbeats: Heartbeats
    private let logger: Logger

    package static let loop = "relay"

    /// How long somebody else's turn is waited for, and what follows events: they come in company, and whoever writes them
    /// elsewhere wakes nobody here.
    private static let turn = Duration.milliseconds(20)

    /// Events of one transaction.
    static let batch = 1000
    /// Where their messages are claimed as they are made: the first should not wait for the last, and each transaction
    /// that leaves events behind is followed by one of twice as many.
    static let earlyBatch = 128...256
    /// Messages on their way beyond which a backlog waits a little: those of two such transactions keep the transfers busy,
    /// more would use up what a destination may have on its way.
    private static let ahead = 512

    /// - Parameters:
    ///   - wake: sent when an event may have been written.
    ///   - dispatcher: the dispatcher's signal, sent after events became messages that wait for their claim.
    ///   - departures: where messages go that are due at once; nil: they wait to be claimed.
    package init(
        store: any RelayStore, settings: NotifierSettings, wake: WakeSignal = WakeSignal(),
        dispatcher: WakeSignal = WakeSignal(), departures: Departures? = nil, clock: any LocalClock = SystemClock(),
        heartbeats: Heartbeats, logger: Logger
    ) {
        self.store = store
        self.settings = settings
        self.wake = wake
        self.dispatcher = dispatcher
        self.departures = settings.rules.groupWait == .zero ? departures : nil
        self.clock = clock
        self.heartbeats = heartbeats
        self.logger = logger
    }

    package func run() async throws {
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in
                // Each step would queue behind the hundreds of transfers that the last one began, and those run dry.
                group.addTask(priority: .high) { await expandAll() }
            }
        } onGracefulShutdown: {
            wake.send()
        }
        heartbeats.end(Self.loop)
    }

    private func expandAll() async {
        let sizes = departures == nil ? Self.batch...Self.batch : Self.earlyBatch
        let turn = min(Self.turn, settings.poll)
        var size = sizes.lowerBound
        var pause = settings.poll
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            heartbeats.beat(Self.loop)
            let expanded = await expand(atMost: size)
            switch expanded?.remainder ?? .nothing {
            case .some:
                size = min(2 * size, sizes.upperBound)
                await departures?.settle(to: Self.ahead, within: turn, clock: clock)
                continue
            case .elsewhere: pause = turn
            case .nothing: pause = expanded?.events ?? 0 > 0 ? turn : min(pause * 2, settings.poll)
            }
            await wake.wait(atMost: pause, clock: clock)
            size = sizes.lowerBound
        }
    }

    private func expand(atMost size: Int) async -> Expanded? {
        let terms = departures?.terms(atMost: size)
        var expanded: Expanded?
        do {
            expanded = try await store.expandEvents(limit: size, rules: settings.rules, claiming: terms)
        } catch {
            logger.warning(
                "Events cannot be relayed", metadata: ["event": "relay.failed", "error": "\(error)"])
        }
        let claimed = expanded?.claimed.deliveries ?? []
        departures?.giveBack((terms?.limit ?? 0) - claimed.count)
        if let batch = expanded?.claimed, !claimed.isEmpty, departures?.enter(batch) != true {
            for delivery in claimed { try? await store.release(delivery.claim) }
        }
        if expanded?.leavesMessages == true { dispatcher.send() }
        return expanded
    }
}
