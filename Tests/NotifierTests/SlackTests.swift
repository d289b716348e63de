import Domain
import FoundationEssentials
import TestSupport
import Testing

@testable import Notifier

private struct Sent: Decodable {
    struct Block: Decodable {
        var type: String
        var text: Text
    }
    struct Text: Decodable {
        var type: String
        var text: String
    }
    var text: String
    var blocks: [Block]?
}

@Suite struct SlackTests {
    private func render(_ message: RelayMessage) throws -> Sent {
        let transport = SlackWebhookTransport(http: ScriptedHTTP(status: 200), texts: try Sample.texts())
        let body = try transport.render(message, Sample.envelope(.slackWebhook), Sample.configuration(.slackWebhook))
        return try JSONDecoder().decode(Sent.self, from: Data(body))
    }

    @Test func `a message names the channel and its link, with a plain text beside`() throws {
        let sent = try render(Sample.message())
        #expect(sent.text.contains("Re-authorize Bakery 1 (tiktok)"))
        let text = sent.blocks?.map(\.text.text).joined(separator: "\n") ?? ""
        #expect(text.contains("<https://t.example/reauthorize/x|Re-authorize>"))
        #expect(text.contains("2026-05-29 20:26 UTC"))
        #expect(sent.blocks?.first?.type == "header")
    }

    @Test func `what others wrote mentions nobody and links nowhere`() throws {
        let evil = "<!channel> <@U1> & <https://evil.example|click>\n*bold*"
        let sent = try render(Sample.message(channels: [Sample.channel(1, name: evil)], message: evil))
        let all = ([sent.text] + (sent.blocks ?? []).map(\.text.text)).joined(separator: "\n")
        #expect(!all.contains("<!channel>"))
        #expect(!all.contains("<@U1>"))
        #expect(!all.contains("https://evil"))
        #expect(all.contains("&lt;!channel&gt;"))
    }

    @Test(arguments: [1, 20, 100, 1000])
    func `any number of channels stays within Slack's limits`(_ count: Int) throws {
        let name = String(repeating: "&<>", count: 60)
        let link = "https://t.example/reauthorize/" + String(repeating: "x", count: 400)
        let channels = (0..<min(count, 100)).map { Sample.channel($0, name: name, link: link) }
        let sent = try render(Sample.message(channels: channels, total: count))
        let blocks = try #require(sent.blocks)
        #expect(blocks.count <= 50)
        #expect(blocks[0].text.text.utf16.count <= 150)
        #expect(blocks.dropFirst().allSatisfy { $0.text.text.utf16.count <= 3000 })
        #expect(blocks.reduce(0) { $0 + $1.text.text.utf16.count } <= 12_000)
        if count > 20 { #expect(blocks.contains { $0.text.text.hasPrefix("+") && $0.text.text.hasSuffix(" more") }) }
    }

    @Test(
        arguments: [
            (200, "ok", 1, AttemptEnd.Verdict.accepted), (200, "ok\n", 1, .accepted), (200, "<html>", 1, .retry()),
            (400, "invalid_payload", 1, .permanent(degrades: false)),
            (400, "user_not_found", 1, .permanent(degrades: false)),
            (400, "invalid_token", 1, .permanent(degrades: true)),
            (403, "invalid_token", 1, .permanent(degrades: true)),
            (403, "action_prohibited", 1, .permanent(degrades: true)),
            (404, "channel_not_found", 1, .retry(after: .seconds(3600))),
            (404, "channel_not_found", 2, .permanent(degrades: true)),
            (404, "no_service", 1, .permanent(degrades: true)),
            (410, "channel_is_archived", 1, .permanent(degrades: true)), (418, "", 1, .permanent(degrades: false)),
            (408, "", 1, .retry()), (500, "rollup_error", 1, .retry()), (503, "", 1, .retry()),
        ] as [(Int, String, Int, AttemptEnd.Verdict)])
    func `Slack's answer decides`(_ status: Int, _ body: String, _ tries: Int, _ expected: AttemptEnd.Verdict) {
        let response = IncomingResponse(status: status, body: Array(body.utf8))
        let end = SlackWebhookTransport.judge(
            response, Redaction(Sample.configuration(.slackWebhook)), tries: tries, now: Sample.date)
        #expect(end.verdict == expected)
    }

    @Test(arguments: [("3", 3.0), ("0", 1.0), ("86400", 3600.0)])
    func `a 429 parks the destination`(_ header: String, _ seconds: Double) {
        let response = IncomingResponse(status: 429, headers: [HeaderField("retry-after", header)])
        let end = SlackWebhookTransport.judge(
            response, Redaction(Sample.configuration(.slackWebhook)), tries: 1, now: Sample.date)
        #expect(end.verdict == .retry(after: .seconds(seconds), parks: true))
    }

    @Test func `refused blocks go out once more as plain text`() async throws {
        let http = ScriptedHTTP { request in
            let hasBlocks = String(decoding: request.body, as: UTF8.self).contains("\"blocks\"")
            return .answered(
                IncomingResponse(status: hasBlocks ? 400 : 200, body: Array((hasBlocks ? "invalid_blocks" : "ok").utf8))
            )
        }
        let transport = SlackWebhookTransport(http: http, texts: try Sample.texts())
        let configuration = Sample.configuration(.slackWebhook)
        let body = try transport.render(Sample.message(), Sample.envelope(), configuration)
        let end = await transport.send(body, Sample.envelope(), configuration) { true }
        #expect(end.verdict == .accepted)
        #expect(http.requests.count == 2)
        let plain = try JSONDecoder().decode(Sent.self, from: Data(http.requests[1].body))
        #expect(plain.blocks == nil)
        #expect(plain.text.contains("Re-authorize"))
    }
}
