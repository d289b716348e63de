package import Domain
package import FoundationEssentials
package import Logging
import ServiceLifecycle
import Synchronization

/// Claims deliveries and sends them; a destination that hangs holds its own few slots and delays nobody else.
package struct Dispatcher: Service {
    private let store: any RelayStore
    private let settings: NotifierSettings
    private let limits: DeliveryLimits
    private let couriers: [DeliveryLane: Courier]
    private let wake: WakeSignal
    private let failingWake = WakeSignal()
    private let clock: any LocalClock
    private let heartbeats: Heartbeats
    private let logger: Logger

    package static let loop = "dispatcher"

    /// - Parameter wake: sent when something may be due.
    package init(
        store: any RelayStore, transports: Transports, links: MessageLinks, settings: NotifierSettings,
        wake: WakeSignal = WakeSignal(), clock: any LocalClock = SystemClock(), heartbeats: Heartbeats,
        metrics: Metrics, logger: Logger, now: @escaping @Sendable () -> Date = { Date() },
        random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }
    ) {
        self.store = store
        self.settings = settings
        self.limits = transports.limits(settings)
        self.wake = wake
        self.clock = clock
        self.heartbeats = heartbeats
        self.logger = logger
        // What failing destinations write waits for nobody else's, and the other way round.
        couriers = Dictionary(
            uniqueKeysWithValues: DeliveryLane.allCases.map { lane in
                let courier = Courier(
                    store: store, freezer: GroupWriter(key: \.claim) { try await store.freeze($0) },
                    finisher: GroupWriter(key: \.claim) { try await store.finish($0) }, transports: transports,
                    links: links, schedule: settings.schedule, clock: clock, metrics: metrics, logger: logger, now: now,
                    random: random)
                return (lane, courier)
            })
        metrics.declare(
            "tokenward_deliveries_total", .counter, help: "Attempts at deliveries by transport and outcome.",
            initial: DestinationKind.allCases.flatMap { kind in
                ["sent", "retried", "dead"].map { [("transport", kind.rawValue), ("outcome", $0)] }
            })
        metrics.declare(
            "tokenward_delivery_latency_seconds", .histogram,
            help: "From queueing a delivery to its acceptance; the group wait is part of it.")
    }

    /// Returns after a graceful stop, when what is on its way has ended.
    package func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                group.addTask { await serve(.sound, slots: settings.inFlightMax, wake: wake) }
                group.addTask { await serve(.failing, slots: settings.failingMax, wake: failingWake) }
            }
        } onGracefulShutdown: {
            wake.send()
            failingWake.send()
        }
        heartbeats.end(Self.loop)
    }

    private func serve(_ lane: DeliveryLane, slots count: Int, wake: WakeSignal) async {
        guard let courier = couriers[lane] else { return }
        await withDiscardingTaskGroup { group in
            let slots = Slots(count)
            while !Task.isCancelled, !Task.isShuttingDownGracefully {
                if lane == .sound { heartbeats.beat(Self.loop) }
                let claimed = await claim(slots.free, lane)
                for delivery in claimed?.deliveries ?? [] {
                    guard let claimedAt = claimed?.sentAt else { break }
                    slots.take()
                    group.addTask {
                        await courier.deliver(delivery, claimedAt: claimedAt)
                        slots.give()
                        wake.send()
                    }
                }
                if claimed?.deliveries.isEmpty ?? true || slots.free == 0 {
                    await wake.wait(atMost: settings.poll, clock: clock)
                }
            }
        }
    }

    private func claim(_ free: Int, _ lane: DeliveryLane) async -> DeliveryBatch? {
        guard free > 0 else { return nil }
        do {
            return try await store.claimDeliveries(limit: free, limits: limits, lane: lane)
        } catch {
            logger.warning(
                "Deliveries cannot be claimed", metadata: ["event": "delivery.claim_failed", "error": "\(error)"])
            return nil
        }
    }
}

/// How many more deliveries may be on their way.
private final class Slots: Sendable {
    private let count: Mutex<Int>

    init(_ count: Int) { self.count = Mutex(count) }

    var free: Int { count.withLock { $0 } }
    func take() { count.withLock { $0 -= 1 } }
    func give() { count.withLock { $0 += 1 } }
}
