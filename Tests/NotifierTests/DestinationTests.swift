import Domain
import Testing

@testable import Notifier

@Suite struct DestinationTests {
    @Test(arguments: [
        "https://receiver.example/x", "https://receiver.example:8443/?a=b", "http://127.0.0.1:9/x", "http://[::1]:9/",
        "http://localhost:80/",
    ])
    func `these URLs are taken`(_ url: String) throws {
        try DestinationCheck.check(
            Destination(id: "d", name: "D", configuration: .slackWebhook(url: Secret(url))), addresses: .none)
    }

    @Test(arguments: [
        "", "receiver.example", "http://receiver.example/", "ftp://x/", "https://", "https:///x", "https://u:p@x/",
        "https://x/#f", "https://x:0/", "https://x:99999/", "https://x y/", "https://x\\@y/", "file:///etc/passwd",
        "https://x/\r\nHost: y", "http://10.0.0.1/",
    ])
    func `these URLs are refused`(_ url: String) {
        #expect(throws: DestinationError.url) {
            try DestinationCheck.check(
                Destination(id: "d", name: "D", configuration: .slackWebhook(url: Secret(url))), addresses: .none)
        }
    }

    @Test(
        arguments: [
            (
                Destination(id: "", name: "D", configuration: .slackWebhook(url: Secret("https://x/"))),
                DestinationError.name
            ),
            (Destination(id: "d", name: "a\nb", configuration: .slackWebhook(url: Secret("https://x/"))), .name),
            (
                Destination(
                    id: "d", name: "D", match: DestinationMatch(types: ["nope"]),
                    configuration: .slackWebhook(url: Secret("https://x/"))), .type("nope")
            ),
            (
                Destination(id: "d", name: "D", configuration: .webhook(url: Secret("https://x/"), secret: Secret(""))),
                .secret
            ),
            (
                Destination(id: "d", name: "D", configuration: .email(server: Secret("smtp://h:25"), sender: "a@b")),
                .recipients
            ),
            (
                Destination(
                    id: "d", name: "D", recipients: ["a@b\r\nx"],
                    configuration: .email(server: Secret("smtp://h:25"), sender: "a@b")), .address
            ),
            (
                Destination(
                    id: "d", name: "D", recipients: ["a@b"],
                    configuration: .email(server: Secret("http://h:25"), sender: "a@b")), .mailServer
            ),
        ] as [(Destination, DestinationError)])
    func `a destination that cannot work is refused with a sentence`(
        _ destination: Destination, _ error: DestinationError
    ) {
        #expect(throws: error) { try DestinationCheck.check(destination, addresses: .none) }
        #expect(error.description.hasSuffix("."))
    }

    @Test func `the guard's word is the error, for each kind of server`() {
        let addresses = AddressRefusal(
            ofURL: { $0 == Sample.slackURL ? "Slack is private." : "The receiver is private." },
            ofMailServer: { _ in "The mail server is private." })
        let bot = DestinationConfiguration.slackBot(
            token: Secret("x"), channel: "#a", signingSecret: nil, api: Secret("https://slack.internal"))
        for (configuration, sentence) in zip(
            [Sample.configuration(.slackWebhook), Sample.configuration(.webhook), Sample.configuration(.email), bot],
            [
                "Slack is private.", "The receiver is private.", "The mail server is private.",
                "The receiver is private.",
            ])
        {
            let destination = Destination(
                id: "d", name: "D", recipients: configuration.kind == .email ? ["a@b"] : [],
                configuration: configuration)
            #expect(throws: DestinationError.refused(sentence)) {
                try DestinationCheck.check(destination, addresses: addresses)
            }
        }
    }

    @Test func `nothing a destination is shows its secrets`() {
        for configuration in Sample.configurations {
            let shown = "\(configuration) \(String(reflecting: configuration))"
            for canary in Sample.canaries { #expect(!shown.contains(canary)) }
        }
    }
}
