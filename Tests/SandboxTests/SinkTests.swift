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
        {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Go"}, "url": "http://127.0.0.1:1/reauthorize/x"}]}]}
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

    private static let bot = ["Content-Type": "application/json", "Authorization": "Bearer xoxb-1"]

    @Test func `the bot posts, answers in threads and changes what stands there`() async throws {
        let sink = SlackSink()
        try await withSlack(sink) { client in
            func call(_ method: String, _ body: String) async throws -> RawAnswer {
                try await client.request("POST", "/api/" + method, headers: Self.bot, body: body)
            }
            let answer = try await call("chat.postMessage", ##"{"channel":"#alerts","text":"a"}"##)
            #expect(answer.value("ok") == "true" && answer.value("channel") == "C0SANDBOX")
            let ts = try #require(answer.value("ts"))
            let reply = try await call(
                "chat.postMessage", #"{"channel":"C0SANDBOX","text":"b","thread_ts":"\#(ts)"}"#)
            #expect(reply.value("ok") == "true")
            let lost = try await call("chat.postMessage", #"{"channel":"C0SANDBOX","text":"b","thread_ts":"1.2"}"#)
            #expect(lost.value("error") == "thread_not_found")
            let change = try await call("chat.update", #"{"channel":"C0SANDBOX","text":"c","ts":"\#(ts)"}"#)
            #expect(change.value("ts") == ts)
            #expect(
                try await call("chat.update", #"{"channel":"C0SANDBOX","text":"c","ts":"1.2"}"#).value("error")
                    == "message_not_found")
            #expect(try await call("chat.postMessage", #"{"text":"c"}"#).value("error") == "channel_not_found")
            #expect(try await call("chat.postMessage", #"{"channel":"C1"}"#).value("error") == "no_text")
            let bad = try await client.request("POST", "/api/chat.postMessage", headers: Self.bot, body: "x")
            #expect(bad.status == 200 && bad.value("error") == "invalid_json")
            let stranger = try await client.request(
                "POST", "/api/chat.postMessage", headers: Self.json, body: #"{"channel":"C1","text":"a"}"#)
            #expect(stranger.value("error") == "not_authed")
        }
        #expect(sink.posts.map(\.text) == ["c", "b"])
        #expect(sink.posts[0].updates == 1 && sink.posts[1].threadTS == sink.posts[0].ts)
    }

    @Test(arguments: [
        #"{"type":"header","text":{"type":"plain_text","text":"\#(String(repeating: "x", count: 151))"}}"#,
        #"{"type":"header","text":{"type":"mrkdwn","text":"x"}}"#,
        #"{"type":"section","text":{"type":"mrkdwn","text":"\#(String(repeating: "x", count: 3001))"}}"#,
        #"{"type":"section","text":{"type":"mrkdwn","text":""}}"#, #"{"type":"section"}"#,
        #"{"type":"context","elements":[]}"#, #"{"type":"poem"}"#,
        #"{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"\#(String(repeating: "x", count: 76))"}}]}"#,
        #"{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"x"},"value":"\#(String(repeating: "x", count: 2001))"}]}"#,
        #"{"type":"actions","elements":[\#(Array(repeating: #"{"type":"button","text":{"type":"plain_text","text":"x"}}"#, count: 26).joined(separator: ","))]}"#,
    ])
    func `a block beyond Slack's limits is refused`(_ block: String) {
        #expect(!SlackPayloadCheck.problems(in: Array(#"{"text":"a","blocks":[\#(block)]}"#.utf8)).isEmpty)
    }

    @Test func `fifty blocks pass and one more does not, nor too many characters`() {
        func body(_ count: Int, _ length: Int = 10) -> [UInt8] {
            let block =
                #"{"type":"section","text":{"type":"mrkdwn","text":"\#(String(repeating: "x", count: length))"}}"#
            let blocks = Array(repeating: block, count: count).joined(separator: ",")
            return Array(#"{"text":"a","blocks":[\#(blocks)]}"#.utf8)
        }
        #expect(SlackPayloadCheck.problems(in: body(50)).isEmpty)
        #expect(SlackPayloadCheck.problems(in: body(51)).count == 1)
        #expect(SlackPayloadCheck.problems(in: body(5, 2_640)).isEmpty)
        #expect(SlackPayloadCheck.problems(in: body(5, 2_700)).count == 1)
        #expect(!SlackPayloadCheck.problems(in: Array("[]".utf8)).isEmpty)
    }

    @Test func `a press is signed as Slack's example is`() {
        let body =
            "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
            + "&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
            + "%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
        #expect(
            SlackPress.signature(
                of: body, timestamp: "1531420618", secret: Secret("8f742231b10e8888abcd99yyyzzz85a5"))
                == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503")
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
