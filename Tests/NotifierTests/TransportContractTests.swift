import Domain
import FoundationEssentials
import Templates
import TestSupport
import Testing

@testable import Notifier

/// What every transport promises, whatever it speaks.
@Suite struct TransportContractTests {
    /// Ends of a transfer in which a receiver or the network repeats everything it knows.
    private static let answers: [@Sendable (OutgoingRequest) -> TransferEnd] = {
        let echo: @Sendable (OutgoingRequest) -> String = { request in
            "\(request.url.reveal()) " + Sample.canaries.joined(separator: " ") + " "
                + request.headers.map { "\($0.name): \($0.value)" }.joined(separator: " ")
        }
        return [
            { .notSent(code: "resolve", message: echo($0)) }, { .lost(code: "reset", message: echo($0)) },
            { .answered(IncomingResponse(status: 500, body: Array(echo($0).utf8))) },
            { .answered(IncomingResponse(status: 404, body: Array(echo($0).utf8))) },
            { .answered(IncomingResponse(status: 200, body: Array(echo($0).utf8))) },
        ]
    }()

    private static let mailEnds: [MailEnd] = [
        .refused(code: 550, message: Sample.canaries.joined(separator: " ")),
        .notAuthenticated(message: Sample.canaries.joined(separator: " ")),
        .notSent(message: Sample.mailServer.reveal()), .lost(message: Sample.mailServer.reveal()),
    ]

    @Test(arguments: DestinationKind.allCases)
    func `no end holds a secret of its destination`(_ kind: DestinationKind) async throws {
        let configuration = Sample.configuration(kind)
        let own = Sample.canaries(of: configuration)
        for index in 0..<max(Self.answers.count, Self.mailEnds.count) {
            let answer = Self.answers[index % Self.answers.count]
            let end = Self.mailEnds[index % Self.mailEnds.count]
            let transports = try Sample.transports(http: ScriptedHTTP { answer($0) }, mail: FakeMail { end })
            let transport = try #require(transports[kind])
            let content = try transport.render(Sample.message(), Sample.envelope(kind), configuration)
            let result = await transport.send(content, Sample.envelope(kind), configuration) { true }
            let shown = "\(result) \(String(reflecting: result))"
            for canary in own { #expect(!shown.contains(canary), "\(canary) in \(shown)") }
            #expect((result.excerpt ?? "").utf8.count <= 1000)
        }
    }

    @Test(arguments: DestinationKind.allCases)
    func `a message renders to the same bytes again, without the destination's secrets`(_ kind: DestinationKind) throws
    {
        let transports = try Sample.transports(http: ScriptedHTTP(status: 200))
        let transport = try #require(transports[kind])
        let configuration = Sample.configuration(kind)
        let first = try transport.render(Sample.message(), Sample.envelope(kind), configuration)
        let second = try transport.render(Sample.message(), Sample.envelope(kind, tries: 2), configuration)
        #expect(first == second)
        let text = String(decoding: first, as: UTF8.self)
        for canary in Sample.canaries { #expect(!text.contains(canary)) }
    }

    @Test(arguments: DestinationKind.allCases)
    func `a configuration of another kind is refused without a transfer`(_ kind: DestinationKind) async throws {
        let http = ScriptedHTTP(status: 200, body: "ok")
        let mail = FakeMail()
        let transport = try #require(try Sample.transports(http: http, mail: mail)[kind])
        let other = Sample.configuration(kind == .webhook ? .email : .webhook)
        let end = await transport.send([1], Sample.envelope(kind), other) { true }
        #expect(end.verdict == .permanent(degrades: true))
        #expect(http.requests.isEmpty)
        #expect(mail.mails.isEmpty)
    }

    @Test(arguments: DestinationKind.allCases)
    func `without permission nothing leaves`(_ kind: DestinationKind) async throws {
        let http = ScriptedHTTP(status: 200, body: "ok")
        let mail = FakeMail()
        let transport = try #require(try Sample.transports(http: http, mail: mail)[kind])
        let configuration = Sample.configuration(kind)
        let content = try transport.render(Sample.message(), Sample.envelope(kind), configuration)
        let end = await transport.send(content, Sample.envelope(kind), configuration) { false }
        #expect(!end.maybeArrived)
        #expect(http.requests.isEmpty)
        #expect(mail.mails.isEmpty)
    }

    @Test(arguments: DestinationKind.allCases)
    func `every kind of message renders in every language`(_ kind: DestinationKind) throws {
        for language in ["en", "es", "ru", "vi"] {
            let transports = Transports(
                http: ScriptedHTTP(status: 200), mail: FakeMail(), templates: try MessageTemplates.load(),
                language: language)
            let transport = try #require(transports[kind])
            for message in MessageKind.allCases {
                let content = try transport.render(
                    Sample.message(message), Sample.envelope(kind), Sample.configuration(kind))
                #expect(!content.isEmpty)
            }
        }
    }

    @Test(arguments: DestinationKind.allCases)
    func `a test message says how it went`(_ kind: DestinationKind) async throws {
        let destination = Destination(
            id: "d", name: "Mine", recipients: kind == .email ? ["admin@example.org"] : [],
            configuration: Sample.configuration(kind))
        let http = ScriptedHTTP(status: 200, body: kind == .slackBot ? #"{"ok":true}"# : "ok")
        let good = await DestinationTester(
            transports: try Sample.transports(http: http), addresses: .none
        ).test(destination)
        #expect(good.succeeded)
        let bad = await DestinationTester(
            transports: try Sample.transports(
                http: ScriptedHTTP(status: 410, body: "gone"), mail: FakeMail { .notAuthenticated(message: "no") }),
            addresses: .none
        ).test(destination)
        #expect(!bad.succeeded)
        #expect(bad.sentence.hasSuffix("."))
    }
}
