package import Domain
package import FoundationEssentials
import Templates

/// Sends a test message at once, past queue, pacing and routes.
package struct DestinationTester: Sendable {
    private let transports: Transports
    private let links: MessageLinks
    private let addresses: AddressRefusal
    private let now: @Sendable () -> Date

    package init(
        transports: Transports, links: MessageLinks = .none, addresses: AddressRefusal,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.addresses = addresses
        self.transports = transports
        self.links = links
        self.now = now
    }

    /// E-mail: the first recipient that fails decides.
    package func test(_ destination: Destination) async -> DestinationProof {
        do {
            try DestinationCheck.check(destination, addresses: addresses)
        } catch {
            return DestinationProof(succeeded: false, code: "settings", sentence: error.description)
        }
        guard let transport = transports[destination.kind] else {
            return DestinationProof(
                succeeded: false, code: "kind", sentence: "This kind of destination is not available here.")
        }
        let message = RelayMessage.test(at: now(), links: links)
        var last = DestinationProof(succeeded: false, code: "recipients", sentence: "The destination has no recipient.")
        for recipient in destination.recipients.isEmpty ? [""] : destination.recipients {
            let envelope = Envelope(
                deliveryID: "test_" + ChannelID.generated().rawValue.dropFirst(3), recipient: recipient,
                rootIncident: 0, queuedAt: now(), tries: 1, kind: .test, destinationID: destination.id)
            do {
                let content = try transport.render(message, envelope, destination.configuration)
                let end = await transport.send(content, envelope, destination.configuration) { true }
                last = DestinationProof(succeeded: end.verdict == .accepted, code: end.code, sentence: end.sentence)
            } catch {
                last = DestinationProof(succeeded: false, code: "template", sentence: error.description)
            }
            if !last.succeeded { return last }
        }
        return last
    }
}

extension DestinationTester: DestinationProving {
    package func check(_ destination: Destination) throws {
        try DestinationCheck.check(destination, addresses: addresses)
    }

    package func prove(_ destination: Destination) async -> DestinationProof { await test(destination) }

    package func generatedSecret() -> Secret { WebhookSecret.generated() }
}
