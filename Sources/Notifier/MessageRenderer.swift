import Domain
import Templates

/// Makes the message of a claimed delivery in its transport's form.
struct MessageRenderer: Sendable {
    /// The delivery has no message, and its attempt ends so.
    struct Fault: Error {
        var end: AttemptEnd

        init(_ end: AttemptEnd) { self.end = end }

        init(code: String, sentence: String, degrades: Bool = false) {
            end = AttemptEnd(.permanent(degrades: degrades), code: code, sentence: sentence, maybeArrived: false)
        }
    }

    let transports: Transports
    let links: MessageLinks

    func content(of delivery: ClaimedDelivery) throws(Fault) -> [UInt8] {
        let configuration = try configuration(of: delivery)
        guard let message = RelayMessage(delivery, links: links) else {
            throw Fault(code: "empty", sentence: "The delivery carries no incident.")
        }
        let transport = try transport(of: delivery)
        do {
            return try transport.render(message, Envelope(delivery), configuration)
        } catch {
            throw Fault(code: "template", sentence: error.description)
        }
    }

    func transport(of delivery: ClaimedDelivery) throws(Fault) -> any Transport {
        guard let transport = transports[delivery.kind] else {
            throw Fault(code: "kind", sentence: "This kind of destination is not available here.", degrades: true)
        }
        return transport
    }

    func configuration(of delivery: ClaimedDelivery) throws(Fault) -> DestinationConfiguration {
        switch delivery.configuration {
        case .success(let configuration): return configuration
        case .failure(.unknownKey(let kid)):
            throw Fault(
                AttemptEnd(
                    .retry(after: .seconds(60)), code: "key",
                    sentence: "The destination is sealed with the key \(kid), which is not in the ring.",
                    maybeArrived: false))
        case .failure(.unreadable):
            throw Fault(
                code: "sealed", sentence: "The destination's settings cannot be opened: enter them again.",
                degrades: true)
        }
    }
}

extension Envelope {
    init(_ delivery: ClaimedDelivery) {
        self.init(
            deliveryID: delivery.claim.deliveryID, recipient: delivery.recipient, rootIncident: delivery.rootIncident,
            queuedAt: delivery.queuedAt, tries: delivery.tries, kind: delivery.messageKind,
            destinationID: delivery.destinationID, thread: delivery.thread)
    }
}
