import Domain
import FoundationEssentials
import Synchronization
import Testing

@testable import Sandbox

@Suite("Sinks")
struct SinkTests {
    private static let json = ["Content-Type": "application/json"]
    private static let blocks = #"""
        {"text": "Instagram needs you", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "Re-authorize @north.bakery"}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "The grant is gone &amp; only a human can help"}},
        {"type": "actions", "elements": [{"type": "button", "url": "http://127.0.0.1:1/reauthorize/x"}]}]}
        """#

    private func withSlack(_ sink: SlackSink, _ body: @Sendable (RawClient) async throws -> Void) async throws {
        try await sink.start()
        async let running: Void = sink.run()
        let client = try await RawClient(port: sink.port)
        defer {
            client.close()
            sink.stop()
        }
        try await body(client)
        sink.stop()
        try await running
    }

    @Test func `Slack accepts with a bare ok and keeps what a human sees`() async throws {
        let printed = Mutex<[String]>([])
        let sink = SlackSink(printer: { line in printed.withLock { $0.append(line) } })
        try await withSlack(sink) { client in
            let answer = try await client.request(
                "POST", "/services/T0/B0/sandbox", headers: Self.json, body: Self.blocks)
            #expect(answer.status == 200 && answer.text == "ok")
        }
        let message = try #require(sink.messages.first)
        #expect(message.title == "Re-authorize @north.bakery")
        #expect(message.text == "The grant is gone & only a human can help")
        #expect(message.link == "http://127.0.0.1:1/reauthorize/x")
        let text = try #require(printed.withLock { $0.first })
        #expect(text.contains("Slack") && text.contains("Re-authorize") && text.contains("/reauthorize/x"))
    }

    @Test func `Slack refuses on request and for bad payloads`() async throws {
        let sink = SlackSink()
        try await withSlack(sink) { client in
            sink.refuse(SinkRefusal(status: 429, body: "rate_limited", retryAfterSeconds: 3), times: 1)
            let throttled = try await client.request("POST", "/services/x", headers: Self.json, body: #"{"text":"a"}"#)
            #expect(throttled.status == 429 && throttled.headers["retry-after"] == "3")
            #expect(try await client.request("POST", "/services/x", body: "nonsense").text == "invalid_payload")
            #expect(try await client.request("POST", "/services/x", body: "{}").text == "no_text")
            #expect(try await client.request("POST", "/services/x", body: #"{"text":"a"}"#).text == "ok")
        }
        #expect(sink.received == 1 && sink.attempts == 4)
    }

    @Test func `chat_postMessage answers with a channel and a time stamp`() async throws {
        let sink = SlackSink()
        try await withSlack(sink) { client in
            let answer = try await client.request(
                "POST", "/api/chat.postMessage", headers: Self.json, body: #"{"channel":"C1","text":"a"}"#)
            #expect(answer.value("ok") == "true" && answer.value("channel") == "C1" && answer.value("ts") != nil)
            let bad = try await client.request("POST", "/api/chat.postMessage", body: "x")
            #expect(bad.status == 200 && bad.value("ok") == "false")
        }
    }

    @Test func `a stream sees each message and memory stays bounded`() async throws {
        let log = SinkLog(printer: nil, now: { Date() })
        var stream = log.stream().makeAsyncIterator()
        for number in 0..<1_005 {
            log.record(
                SinkMessage(
                    transport: .slack, recipient: "r", title: "\(number)", text: "", receivedAt: log.now(), headers: [],
                    raw: []))
        }
        #expect(log.messages.count == 1_000 && log.received == 1_005)
        #expect(log.messages.first?.title == "5")
        #expect(await stream.next()?.title == "5")
        log.finish()
    }

    /// The signed example of Standard Webhooks 1.0.0.
    static let vector = (
        secret: Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        headers: [
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,bm9wZQ== v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ], body: #"{"test": 2432232314}"#
    )

    private func withWebhook(
        _ sink: WebhookSink, _ body: @Sendable (RawClient) async throws -> Void
    ) async throws {
        try await sink.start()
        async let running: Void = sink.run()
        let client = try await RawClient(port: sink.port)
        defer {
            client.close()
            sink.stop()
        }
        try await body(client)
        sink.stop()
        try await running
    }

    @Test func `a webhook with the right signature is kept`() async throws {
        let sink = WebhookSink(secret: Self.vector.secret, now: { Date(timeIntervalSince1970: 1_614_265_400) })
        try await withWebhook(sink) { client in
            let answer = try await client.request(
                "POST", "/webhook", headers: Self.vector.headers, body: Self.vector.body)
            #expect(answer.status == 202)
        }
        #expect(sink.messages.first?.isSigned == true)
        #expect(sink.messages.first?.header("webhook-id") == "msg_p5jXN8AQM9LWM0D4loKWxJek")
        #expect(sink.messages.first.map { String(decoding: $0.raw, as: UTF8.self) } == Self.vector.body)
    }

    @Test(arguments: ["body", "time", "missing", "gone"])
    func `a webhook that is forged, old, unsigned or unwanted is refused`(_ fault: String) async throws {
        let age: Double = fault == "time" ? 400 : 10
        let sink = WebhookSink(secret: Self.vector.secret, now: { Date(timeIntervalSince1970: 1_614_265_330 + age) })
        try await withWebhook(sink) { client in
            if fault == "gone" { sink.refuse(SinkRefusal(status: 410), times: 1) }
            let answer = try await client.request(
                "POST", "/webhook", headers: fault == "missing" ? [:] : Self.vector.headers,
                body: Self.vector.body + (fault == "body" ? " " : ""))
            #expect(answer.status == (fault == "gone" ? 410 : 401))
        }
        #expect(sink.messages.isEmpty && sink.attempts == 1)
    }
}
