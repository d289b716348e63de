import Domain
import FoundationEssentials
import Logging

/// One attempt at one claimed delivery: send, store the end.
struct Courier: Sendable {
    let store: any RelayStore
    let finisher: GroupWriter<DeliveryEnd, DeliveryClaim>
    let renderer: MessageRenderer
    let turnstile: Turnstile
    let schedule: DeliverySchedule
    let clock: any LocalClock
    let metrics: Metrics
    let logger: Logger
    let now: @Sendable () -> Date
    /// Uniform in 0..<1.
    let random: @Sendable () -> Double

    /// How long before the lease's end a transfer must be over.
    static let reserve = Duration.seconds(5)

    /// - Parameter claimedAt: local time before the claim was asked for.
    /// - Returns: false when it was given back unsent.
    func deliver(_ delivery: ClaimedDelivery, claimedAt: ContinuousClock.Instant) async -> Bool {
        let leaseEnd = claimedAt + delivery.lease
        guard let attempt = await attempt(delivery, leaseEnd: leaseEnd) else { return false }
        let report = report(attempt.end, delivery, took: attempt.took)
        if await finish(delivery.claim, report, leaseEnd: leaseEnd) {
            note(delivery, report)
        } else {
            log(delivery, report, outcome: "lease_lost")
        }
        return true
    }

    /// Nil: the claim was given back, and nothing was sent.
    private func attempt(
        _ delivery: ClaimedDelivery, leaseEnd: ContinuousClock.Instant
    ) async -> (end: AttemptEnd, took: Duration)? {
        do throws(MessageRenderer.Fault) {
            let configuration = try renderer.configuration(of: delivery)
            let transport = try renderer.transport(of: delivery)
            let lastStart = leaseEnd - Self.reserve - transport.limit
            // What could not be rendered at the claim says why.
            guard let content = delivery.content else {
                _ = try renderer.content(of: delivery)
                await giveBack(delivery)
                return nil
            }
            guard await turnstile.enter(delivery.destinationID) else {
                await giveBack(delivery)
                return nil
            }
            let started = clock.now
            guard started <= lastStart else {
                turnstile.leave(delivery.destinationID, failed: false)
                await giveBack(delivery)
                return nil
            }
            let end = await transport.send(content, Envelope(delivery), configuration) { [clock] in
                clock.now <= lastStart
            }
            turnstile.leave(delivery.destinationID, failed: end.verdict != .accepted)
            return (end, started.duration(to: clock.now))
        } catch {
            return (error.end, .zero)
        }
    }

    /// Not a try: somebody sends it later.
    private func giveBack(_ delivery: ClaimedDelivery) async {
        try? await store.release(delivery.claim)
    }

    private func report(_ end: AttemptEnd, _ delivery: ClaimedDelivery, took duration: Duration) -> DeliveryReport {
        var report = DeliveryReport(
            end: .sent, code: end.code, sentence: end.sentence, maybeArrived: end.maybeArrived, duration: duration,
            excerpt: end.excerpt, handle: end.handle)
        switch end.verdict {
        case .accepted:
            report.maybeArrived = true
        case .retry(let after, let parks):
            report.end =
                schedule.delay(tries: delivery.tries, random: random(), floor: after).map { .retry(after: $0) } ?? .dead
            report.park = parks ? after : nil
        case .permanent(let degrades):
            report.end = .dead
            report.degrades = degrades
        }
        return report
    }

    /// Tries until it is stored or the lease has run out, when somebody else sends it again under the same id.
    private func finish(
        _ claim: DeliveryClaim, _ report: DeliveryReport, leaseEnd: ContinuousClock.Instant
    ) async -> Bool {
        while true {
            do {
                return try await finisher.write(DeliveryEnd(claim: claim, report: report))
            } catch {
                guard clock.now < leaseEnd, (try? await clock.sleep(for: .milliseconds(500))) != nil else {
                    return false
                }
            }
        }
    }

    private func note(_ delivery: ClaimedDelivery, _ report: DeliveryReport) {
        let outcome =
            switch report.end {
            case .sent: "sent"
            case .retry: "retried"
            case .dead: "dead"
            }
        metrics.increment(
            "tokenward_deliveries_total", [("transport", delivery.kind.rawValue), ("outcome", outcome)])
        if report.end == .sent {
            metrics.observe(
                "tokenward_delivery_latency_seconds", seconds: max(0, now().timeIntervalSince(delivery.queuedAt)))
        }
        log(delivery, report, outcome: outcome)
    }

    /// Ids and codes alone: sentences may quote a receiver.
    private func log(_ delivery: ClaimedDelivery, _ report: DeliveryReport, outcome: String) {
        let isSent = report.end == .sent
        logger.log(
            level: isSent ? .info : .warning, isSent ? "Delivery sent" : "Delivery failed",
            metadata: [
                "event": isSent ? "delivery.sent" : "delivery.failed", "delivery": "\(delivery.claim.deliveryID)",
                "destination": "\(delivery.destinationID)", "transport": "\(delivery.kind.rawValue)",
                "kind": "\(delivery.messageKind.rawValue)", "tries": "\(delivery.tries)", "outcome": "\(outcome)",
                "code": "\(report.code)",
            ])
    }
}
