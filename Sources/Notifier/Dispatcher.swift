package import Domain
package import FoundationEssentials
package import Logging
import ServiceLifecycle
import Synchronization

/// Claims deliveries and sends them; a destination that hangs holds its own few slots and delays nobody else.
package struct Dispatcher: Service {
    private let store: any RelayStore
    private let settings: NotifierSettings
    private let couriers: [DeliveryLane: Courier]
    private let departures: [DeliveryLane: Departures]
    private let wakes: [DeliveryLane: WakeSignal]
    private let clock: any LocalClock
    private let heartbeats: Heartbeats
    private let logger: Logger

    package static let loop = "dispatcher"

    /// How long a claim that found nothing is not repeated, however many deliveries end meanwhile.
    private static let rest = Duration.milliseconds(10)

    /// - Parameter wake: sent when something may be due.
    package init(
        store: any RelayStore, transports: Transports, links: MessageLinks, settings: NotifierSettings,
        wake: WakeSignal = WakeSignal(), clock: any LocalClock = SystemClock(), heartbeats: Heartbeats,
        metrics: Metrics, logger: Logger, now: @escaping @Sendable () -> Date = { Date() },
        random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }
    ) {
        self.store = store
        self.settings = settings
        let renderer = MessageRenderer(transports: transports, links: links)
        let limits = transports.limits(settings)
        let wakes = [DeliveryLane.sound: wake, .failing: WakeSignal()]
        self.wakes = wakes
        departures = wakes.reduce(into: [:]) { departures, lane in
            departures[lane.key] = Departures(
                room: lane.key == .sound ? settings.inFlightMax : settings.failingMax, limits: limits, wake: lane.value
            ) { try? renderer.content(of: $0) }
        }
        self.clock = clock
        self.heartbeats = heartbeats
        self.logger = logger
        // What failing destinations write waits for nobody else's, and the other way round.
        couriers = Dictionary(
            uniqueKeysWithValues: DeliveryLane.allCases.map { lane in
                let courier = Courier(
                    store: store, finisher: GroupWriter(key: \.claim) { try await store.finish($0) },
                    renderer: renderer, turnstile: Turnstile(limit: settings.webhookRequestsMax),
                    schedule: settings.schedule, clock: clock, metrics: metrics, logger: logger,
                    now: now, random: random)
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

    /// Where the relay claims what is due at once, for this dispatcher to send.
    package var early: Departures? { departures[.sound] }

    /// Returns after a graceful stop, when what is on its way has ended.
    package func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                for lane in DeliveryLane.allCases { group.addTask { await serve(lane) } }
            }
        } onGracefulShutdown: {
            for wake in wakes.values { wake.send() }
        }
        heartbeats.end(Self.loop)
    }

    private func serve(_ lane: DeliveryLane) async {
        guard let courier = couriers[lane], let departures = departures[lane], let wake = wakes[lane] else { return }
        await withDiscardingTaskGroup { group in
            group.addTask { await sendHandedOver(departures, courier) }
            var isAsked = true
            var restUntil = clock.now
            while !Task.isCancelled, !Task.isShuttingDownGracefully {
                if lane == .sound { heartbeats.beat(Self.loop) }
                let now = clock.now
                if isAsked, now >= restUntil {
                    let claimed = await claim(from: lane, departures)
                    for delivery in claimed.deliveries {
                        group.addTask { await send(delivery, claimedAt: claimed.sentAt, departures, courier) }
                    }
                    isAsked = !claimed.deliveries.isEmpty
                    if !isAsked { restUntil = clock.now + Self.rest }
                } else {
                    await wake.wait(atMost: isAsked ? now.duration(to: restUntil) : settings.poll, clock: clock)
                    isAsked = true
                }
            }
            departures.close()
        }
    }

    /// What the relay claimed as it made it is no reason to claim.
    private func sendHandedOver(_ departures: Departures, _ courier: Courier) async {
        await withDiscardingTaskGroup { group in
            while let ready = await departures.next() {
                for (delivery, claimedAt) in ready {
                    group.addTask { await send(delivery, claimedAt: claimedAt, departures, courier) }
                }
            }
        }
    }

    private func send(
        _ delivery: ClaimedDelivery, claimedAt: ContinuousClock.Instant, _ departures: Departures, _ courier: Courier
    ) async {
        let isOver = await courier.deliver(delivery, claimedAt: claimedAt)
        departures.end(isDue: !isOver)
    }

    private func claim(from lane: DeliveryLane, _ departures: Departures) async -> DeliveryBatch {
        var batch = DeliveryBatch(deliveries: [], sentAt: clock.now, leavesDue: true)
        // What ends meanwhile may be what the claim lacks.
        departures.expect(isShort: true)
        guard let terms = departures.terms(atMost: settings.claimMax) else { return batch }
        do {
            batch = try await store.claimDeliveries(terms, lane: lane)
        } catch {
            logger.warning(
                "Deliveries cannot be claimed", metadata: ["event": "delivery.claim_failed", "error": "\(error)"])
        }
        departures.giveBack(terms.limit - batch.deliveries.count)
        departures.expect(isShort: batch.leavesDue)
        return batch
    }
}
