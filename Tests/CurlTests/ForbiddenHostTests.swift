import Curl
import TestSupport
import Testing

/// The guard at its two moments here: when a URL is saved, and when a socket opens.
@Suite("Forbidden hosts", .timeLimit(.minutes(2))) struct ForbiddenHostTests {
    @Test(arguments: ForbiddenHosts.addresses + ForbiddenHosts.encodings + ForbiddenHosts.names)
    func `saved: no URL and no mail server may name it`(host: String) {
        let addresses = AddressGuard()
        for port in ["", ":443", ":8443"] {
            #expect(addresses.refusal(ofURL: "https://\(host)\(port)/hook?x=1") != nil, "\(host)\(port)")
            #expect(addresses.refusal(ofURL: "http://\(host)\(port)/") != nil)
            #expect(addresses.refusal(ofURL: "https://user:word@\(host)\(port)/") != nil)
            #expect(addresses.refusal(ofURL: "https://example.com@\(host)\(port)/") == .credentials)
            for suffix in ["", "?tls=none", "/ehlo"] {
                #expect(addresses.refusal(ofMailServer: "smtp://user:word@\(host)\(port)\(suffix)") != nil)
            }
            #expect(addresses.refusal(ofMailServer: "smtps://\(host)\(port)") != nil)
        }
    }

    @Test func `saved: public servers may be named`() {
        let addresses = AddressGuard()
        for host in ["example.com", "hooks.slack.com", "8.8.8.8", "[2606:4700::1111]", "127.0.0.1.nip.io"] {
            #expect(addresses.refusal(ofURL: "https://\(host)/") == nil)
            #expect(addresses.refusal(ofMailServer: "smtps://user:word@\(host):465") == nil)
            #expect(addresses.refusal(ofMailServer: "smtp://\(host):25?tls=none") == .unencrypted)
        }
        #expect(addresses.refusal(ofMailServer: "https://example.com") == .scheme("https"))
        #expect(addresses.refusal(ofMailServer: "mail") == .notAURL)
    }

    @Test func `connected: no request reaches a forbidden address, in any notation or by a name that leads there`()
        async throws
    {
        try await withClient(CurlConfiguration()) { client in
            for host in ForbiddenHosts.addresses + ForbiddenHosts.encodings + ForbiddenHosts.rebinding {
                let outcome = await client.transfer(
                    CurlRequest(method: "POST", url: "https://\(host)/hook", body: [1], totalTimeout: .seconds(3)))
                // A dot at the end is looked up as a name, which some resolvers do not know.
                let codes = host.hasSuffix(".") ? ["address_refused", "resolve"] : ["address_refused"]
                #expect(codes.contains(outcome.unsent ?? ""), "\(host): \(outcome)")
            }
            for host in ForbiddenHosts.names {
                let outcome = await client.transfer(
                    CurlRequest(method: "POST", url: "https://\(host)/hook", body: [1], totalTimeout: .seconds(3)))
                #expect(outcome.unsent != nil, "\(host): \(outcome)")
            }
        }
    }

    @Test func `connected: no mail reaches one either`() async throws {
        try await withClient(CurlConfiguration()) { client in
            for host in ForbiddenHosts.addresses + ForbiddenHosts.encodings + ForbiddenHosts.rebinding {
                for url in ["smtp://\(host):2525", "smtps://\(host):2525", "smtp://\(host):2525?tls=none"] {
                    let mail = CurlMail(
                        serverURL: url, sender: "a@example.com", recipient: "b@example.com",
                        message: Array("Subject: x\r\n\r\ny\r\n".utf8), totalTimeout: .seconds(3))
                    let outcome = await client.sendMail(mail)
                    guard case .notSent(let message) = outcome else {
                        Issue.record("\(url): \(outcome)")
                        continue
                    }
                    let isUnresolved = host.hasSuffix(".") && message.contains("resolved")
                    #expect(isUnresolved || message.contains("TOKENWARD_ALLOW_NETWORKS"), "\(url): \(message)")
                }
            }
        }
    }
}
