import Curl
import Domain
import Notifier
import Templates
import TestSupport
import Testing

@testable import Runtime

/// The address guard as destinations meet it: when one is saved, and when one is tested although it was saved before.
@Suite("Addresses of destinations", .timeLimit(.minutes(2)))
struct DestinationAddressTests {
    private static let secret = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    private static func destinations(_ host: String) -> [Destination] {
        [
            Destination(id: "s", name: "S", configuration: .slackWebhook(url: Secret("https://\(host)/services/x"))),
            Destination(
                id: "w", name: "W", configuration: .webhook(url: Secret("https://\(host):8443/hook"), secret: secret)),
            Destination(
                id: "m", name: "M", recipients: ["a@example.com"],
                configuration: .email(server: Secret("smtp://user:word@\(host):587"), sender: "b@example.com")),
        ]
    }

    @Test(arguments: ForbiddenHosts.addresses + ForbiddenHosts.encodings + ForbiddenHosts.names)
    func `saved: it is refused with a sentence`(host: String) throws {
        let addresses = try AddressRefusal(allowNetworks: [])
        for destination in Self.destinations(host) {
            let error = #expect(throws: DestinationError.self) {
                try DestinationCheck.check(destination, addresses: addresses)
            }
            #expect(error?.description.hasSuffix(".") == true && error?.description.contains("word") == false)
        }
    }

    @Test func `saved: an allowed network is taken`() throws {
        let addresses = try AddressRefusal(allowNetworks: ["10.0.0.0/8"])
        for destination in Self.destinations("10.1.2.3") + Self.destinations("receiver.svc") {
            try DestinationCheck.check(destination, addresses: addresses)
        }
        #expect(throws: CIDRError.self) { try AddressRefusal(allowNetworks: ["10.0.0.1/8"]) }
    }

    @Test func `tested: what was saved before, or leads elsewhere now, is not reached`() async throws {
        let client = try CurlClient(configuration: CurlConfiguration())
        let transport = CurlTransport(client: client)
        let transports = Transports(http: transport, mail: transport, templates: try MessageTemplates.load())
        for host in ForbiddenHosts.addresses + ForbiddenHosts.encodings + ForbiddenHosts.rebinding {
            for destination in Self.destinations(host) {
                // The check of the form passes, as it did when the name still led somewhere public.
                let past = await DestinationTester(transports: transports, addresses: .none).test(destination)
                #expect(
                    !past.succeeded && ["address_refused", "not_sent", "resolve", "settings"].contains(past.code),
                    "\(host) \(past)")
                let now = await DestinationTester(
                    transports: transports, addresses: try AddressRefusal(allowNetworks: [])
                ).test(destination)
                #expect(!now.succeeded && now.code == "settings", "\(host): \(now)")
            }
        }
        await client.shutdown()
    }
}
