import Curl
package import Domain
import FoundationEssentials
import Notifier
import Reauthorization
import Store

/// How a test message ended.
package struct DestinationTest: Sendable {
    package var id: String
    package var isDelivered: Bool
    package var sentence: String
}

/// Destinations of the environment and of the database.
extension Installation {
    package func destinations() async throws -> [DestinationSummary] {
        try await putConfiguredDestinations()
        return try await store.destinations(tenantID: nil)
    }

    /// Sends a test message to one destination or to all.
    package func testDestinations(_ id: String?) async throws -> [DestinationTest] {
        let ids = try await destinations().map(\.id).filter { id == nil || $0 == id }
        let curl = try RefreshPorts.curl(settings)
        var results: [DestinationTest] = []
        for id in ids {
            guard let destination = try await store.destination(id, tenantID: nil) else { continue }
            let tester = try tester(CurlTransport(client: curl), publicURL: publicURL(address: nil))
            let result = await tester.test(destination)
            if result.succeeded { try await store.noteTest(of: id) }
            results.append(DestinationTest(id: id, isDelivered: result.succeeded, sentence: result.sentence))
        }
        await curl.shutdown()
        return results
    }

    /// Records the environment's destinations under ids of their own; one that is gone from it is removed.
    func putConfiguredDestinations() async throws {
        let addresses = try settings.destinationAddresses()
        var kept: Set<String> = []
        for configured in settings.destinations {
            let destination = Self.destination(configured)
            do {
                try DestinationCheck.check(destination, addresses: addresses)
            } catch {
                throw StartError(.misconfigured, "The destination \(destination.name) cannot be used: \(error)")
            }
            kept.insert(destination.id)
            try await store.put(destination)
        }
        for known in try await store.destinations(tenantID: nil)
        where known.id.hasPrefix(Self.environmentPrefix) && !kept.contains(known.id) {
            _ = try await store.removeDestination(known.id, tenantID: nil)
        }
    }

    private static let environmentPrefix = "env:"

    private static func destination(_ configured: ConfiguredDestination) -> Destination {
        switch configured {
        case .slackWebhook(let url):
            Destination(
                id: environmentPrefix + "slack", name: "Slack", isDefault: true,
                configuration: .slackWebhook(url: url))
        case .slackBot(let token, let channel, let signingSecret, let api):
            Destination(
                id: environmentPrefix + "slack-bot", name: "Slack bot", isDefault: true,
                configuration: .slackBot(token: token, channel: channel, signingSecret: signingSecret, api: api))
        case .email(let server, let sender, let name, let recipients):
            Destination(
                id: environmentPrefix + "email", name: "E-mail", isDefault: true, recipients: recipients,
                configuration: .email(server: server, sender: name.map { "\($0) <\(sender)>" } ?? sender))
        case .webhook(let url, let secret):
            Destination(
                id: environmentPrefix + "webhook", name: "Webhook", isDefault: true,
                configuration: .webhook(url: url, secret: secret))
        }
    }

    func tester(_ transport: CurlTransport, publicURL: String) throws -> DestinationTester {
        DestinationTester(
            transports: transports(transport, publicURL: publicURL), links: messageLinks(publicURL: publicURL),
            addresses: try settings.destinationAddresses())
    }

    func transports(_ transport: CurlTransport, publicURL: String) -> Transports {
        Transports(
            http: transport, mail: transport, templates: templates, language: settings.relay.language,
            links: messageLinks(publicURL: publicURL))
    }

    func messageLinks(publicURL: String) -> MessageLinks {
        let repair = repairLinks(publicURL: publicURL)
        return MessageLinks(
            overview: publicURL + "/status",
            mute: { [ring] in
                Unsubscription.url(publicURL: publicURL, ring: ring, destination: $0, recipient: $1)
            }
        ) { repair.url(of: $0, incident: $1) }
    }
}
