import Domain
import FoundationEssentials
import Logging
import Templates

/// One attempt at one claimed delivery: render, freeze, send, store the end.
struct Courier: Sendable {
    let store: any RelayStore
    let freezer: GroupWriter<FrozenContent, DeliveryClaim>
    let finisher: GroupWriter<DeliveryEnd, DeliveryClaim>
    let transports: Transports
    let links: MessageLinks
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
    func deliver(_ delivery: ClaimedDelivery, claimedAt: ContinuousClock.Instant) async {
        let started = clock.now
        let leaseEnd = claimedAt + delivery.lease
        let outcome = await attempt(delivery, leaseEnd: leaseEnd)
        guard let outcome else { return }
        let report = report(outcome, delivery, took: started.duration(to: clock.now))
        guard await finish(delivery.claim, report, leaseEnd: leaseEnd) else {
            log(delivery, report, outcome: "lease_lost")
            return
        }
        note(delivery, report)
    }

    /// Nil: the claim was given back or lost, and nothing was sent.
    private func attempt(_ delivery: ClaimedDelivery, leaseEnd: ContinuousClock.Instant) async -> AttemptEnd? {
        let configuration: DestinationConfiguration
        switch delivery.configuration {
        case .success(let opened): configuration = opened
        case .failure(let fault): return Self.end(of: fault)
        }
        guard let transport = transports[delivery.kind] else {
            return AttemptEnd(
                .permanent(degrades: true), code: "kind", sentence: "This kind of destination is not available here.",
                maybeArrived: false)
        }
        let envelope = Envelope(
            deliveryID: delivery.claim.deliveryID, recipient: delivery.recipient, rootIncident: delivery.rootIncident,
            queuedAt: delivery.queuedAt, tries: delivery.tries, kind: delivery.messageKind,
            destinationID: delivery.destinationID, thread: delivery.thread)
        let content: [UInt8]
        if let frozen = delivery.content {
            content = frozen
        } else {
            guard let message = RelayMessage(delivery, links: links) else {
                return AttemptEnd(
                    .permanent(degrades: false), code: "empty", sentence: "The delivery carries no incident.",
                    maybeArrived: false)
            }
            do {
                content = try transport.render(message, envelope, configuration)
            } catch {
                return AttemptEnd(
                    .permanent(degrades: false), code: "template", sentence: error.description, maybeArrived: false)
            }
            // Without the frozen bytes a later attempt could say something else under the same id.
            do {
                let frozen = FrozenContent(claim: delivery.claim, content: content)
                guard try await freezer.write(frozen) else { return nil }
            } catch {
                try? await store.release(delivery.claim)
                return nil
            }
        }
        let lastStart = leaseEnd - Self.reserve - transport.limit
        guard clock.now <= lastStart else {
            try? await store.release(delivery.claim)
            return nil
        }
        return await transport.send(content, envelope, configuration) { [clock] in clock.now <= lastStart }
    }

    private static func end(of fault: SealedCredentialFault) -> AttemptEnd {
        switch fault {
        case .unknownKey(let kid):
            AttemptEnd(
                .retry(after: .seconds(60)), code: "key",
                sentence: "The destination is sealed with the key \(kid), which is not in the ring.",
                maybeArrived: false)
        case .unreadable:
            AttemptEnd(
                .permanent(degrades: true), code: "sealed",
                sentence: "The destination's settings cannot be opened: enter them again.", maybeArrived: false)
        }
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
