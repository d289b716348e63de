import Domain
import FoundationEssentials
import TestSupport
import Testing

@testable import Notifier

@Suite struct WebhookTests {
    @Test func `the signature is the standard's`() throws {
        let secret = try WebhookSecret(parsing: Sample.webhookSecret)
        let signature = secret.signature(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, body: Array(#"{"test": 2432232314}"#.utf8))
        #expect(signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    }

    @Test func `two secrets make two signatures, the newest first`() throws {
        let old = Sample.webhookSecret
        let new = WebhookSecret.generated()
        let both = try WebhookSecret(parsing: Secret("\(new.reveal()) \(old.reveal())"))
        let signatures = both.signature(id: "a", timestamp: 1, body: []).split(separator: " ")
        #expect(signatures.count == 2)
        let alone = try WebhookSecret(parsing: old).signature(id: "a", timestamp: 1, body: [])
        #expect(signatures[1] == alone)
    }

    @Test func `keys that are kept sign each message alone, however many there are`() throws {
        let kept = WebhookSecrets()
        let secrets = (0...WebhookSecrets.keptMax).map { _ in WebhookSecret.generated() }
        for secret in secrets + secrets {
            for id in ["a", "b", "a"] {
                let expected = try WebhookSecret(parsing: secret).signature(id: id, timestamp: 1, body: [1])
                #expect(try kept.parsed(secret).signature(id: id, timestamp: 1, body: [1]) == expected)
            }
        }
        #expect(throws: DestinationError.secret) { try kept.parsed(Secret("whsec_")) }
    }

    @Test(arguments: [(-1.0, 1), (0.0, 1), (0.001, 2), (86_400.0, 2)])
    func `a former secret signs beside the new one until its end`(_ left: Double, _ count: Int) async throws {
        let http = ScriptedHTTP(status: 200)
        let new = WebhookSecret.generated()
        let configuration = DestinationConfiguration.webhook(
            url: Sample.webhookURL, secret: new,
            retiring: RetiringSecret(secret: Sample.webhookSecret, until: Sample.date.addingTimeInterval(left)))
        let transport = WebhookTransport(http: http) { Sample.date }
        _ = await transport.send(Array("{}".utf8), Sample.envelope(), configuration) { true }
        let signature = try #require(http.requests[0].headers.first { $0.name == "webhook-signature" }?.value)
        let seconds = Int64(Sample.date.timeIntervalSince1970)
        let expected = try [new, Sample.webhookSecret].prefix(count).map {
            try WebhookSecret(parsing: $0).signature(id: "msg_1", timestamp: seconds, body: Array("{}".utf8))
        }
        #expect(signature == expected.joined(separator: " "))
    }

    @Test func `the platform's own data goes on as it came`() throws {
        var message = SampleMessage.message(kind: .opened, type: .platformEvent)
        message.data = #"{"rows":12,"late":true,"of":null,"list":[1.5,"x"]}"#
        let body = String(decoding: WebhookPayload.body(message, timestamp: Sample.date), as: UTF8.self)
        #expect(body.contains(#""event":{"late":true,"list":[1.5,"x"],"of":null,"rows":12}"#), "\(body)")
        #expect(body.contains(#""title":"The nightly import was late""#))
        message.data = "not json"
        #expect(
            String(decoding: WebhookPayload.body(message, timestamp: Sample.date), as: UTF8.self).contains(
                #""event":null"#))
    }

    @Test(arguments: [
        "", " ", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_%%%%",
        "whsec_" + String(repeating: "A", count: 400),
    ])
    func `short and empty secrets are refused`(_ text: String) {
        #expect(throws: DestinationError.secret) { try WebhookSecret(parsing: Secret(text)) }
    }

    @Test func `the id stays over attempts and the timestamp does not`() async {
        let http = ScriptedHTTP(status: 204)
        for seconds in [1.0, 2.0] {
            let transport = WebhookTransport(http: http) { Date(timeIntervalSince1970: 1_700_000_000 + seconds) }
            let end = await transport.send(
                Array("{}".utf8), Sample.envelope(tries: Int(seconds)), Sample.configuration(.webhook)
            ) { true }
            #expect(end.verdict == .accepted)
        }
        let headers = http.requests.map { request in
            Dictionary(uniqueKeysWithValues: request.headers.map { ($0.name, $0.value) })
        }
        #expect(headers.map { $0["webhook-id"] } == ["msg_1", "msg_1"])
        #expect(headers.map { $0["webhook-timestamp"] } == ["1700000001", "1700000002"])
        #expect(headers[0]["webhook-signature"] != headers[1]["webhook-signature"])
    }

    @Test(
        arguments: [
            (200, nil, AttemptEnd.Verdict.accepted), (204, nil, .accepted), (301, nil, .retry()), (400, nil, .retry()),
            (401, nil, .retry()), (404, nil, .retry()), (410, nil, .permanent(degrades: true)),
            (429, nil, .retry(after: .seconds(30), parks: true)),
            (429, "7", .retry(after: .seconds(7), parks: true)),
            (503, "99999", .retry(after: .seconds(3600), parks: true)),
            (502, "0", .retry(after: .seconds(1), parks: true)), (500, nil, .retry()),
            (500, "Thu, 28 May 2026 20:26:50 GMT", .retry(after: .seconds(10))), (500, "soon", .retry()),
        ] as [(Int, String?, AttemptEnd.Verdict)])
    func `a status decides`(_ status: Int, _ retryAfter: String?, _ expected: AttemptEnd.Verdict) {
        let response = IncomingResponse(
            status: status, headers: retryAfter.map { [HeaderField("Retry-After", $0)] } ?? [])
        let end = WebhookTransport.judge(response, Redaction(Sample.configuration(.webhook)), now: Sample.date)
        #expect(end.verdict == expected)
        #expect(end.code == String(status))
        #expect(end.maybeArrived == (status < 300 || status >= 500))
    }

    @Test func `the body is the contract's, with null for what is absent`() throws {
        var message = Sample.message()
        message.provider = nil
        message.message = nil
        let body = try #require(
            String(validating: WebhookPayload.body(message, timestamp: Sample.date), as: UTF8.self))
        #expect(
            body == """
                {"data":{"channels":[{"deadline":"2026-05-29T20:26:40Z","displayName":"Bakery 1","id":"ch_1",\
                "link":"https://t.example/reauthorize/x","provider":"tiktok","tenantId":"acme","userId":"u1"}],\
                "deadline":"2026-05-29T20:26:40Z","kind":"opened","link":"https://t.example/reauthorize/x","message":null,\
                "provider":null,"reason":"reauthorization_required","severity":"critical","since":"2026-05-28T20:26:40Z",\
                "total":1},"timestamp":"2026-05-28T20:26:40Z","type":"channel.reauthorization_required"}
                """)
    }

    @Test func `a thousand channels fit into 20 kB`() throws {
        let message = Sample.message(channels: (0..<1000).map { Sample.channel($0) })
        let body = WebhookPayload.body(message, timestamp: Sample.date)
        #expect(body.count <= WebhookPayload.bodyBytesMax)
        #expect(body.count > WebhookPayload.bodyBytesMax / 2)
        #expect(String(decoding: body, as: UTF8.self).contains("\"total\":1000"))
    }
}
