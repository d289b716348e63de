import Domain
import Foundation
import Synchronization
import Templates
import TestSupport
import Testing

@testable import Notifier

/// One call that a scripted Slack got.
private struct Call: Decodable {
    var channel: String
    var text: String
    var blocks: [SlackBlock]
    var ts: String?
    var thread_ts: String?
}

@Suite("Slack's bot") struct SlackBotTests {
    private static let configuration = Sample.configuration(.slackBot)

    private func envelope(_ kind: MessageKind, open: Int? = nil) -> Envelope {
        var envelope = Sample.envelope(.slackBot, kind)
        envelope.thread = open.map { DeliveryThread(handle: "C9:111.222", openIncidents: $0) }
        return envelope
    }

    /// Sends one message to a Slack that answers each call in turn; the last answer goes on.
    private func send(
        _ kind: MessageKind, open: Int? = nil, _ answers: [String] = [#"{"ok":true,"channel":"C1","ts":"5.6"}"#]
    ) async throws -> (end: AttemptEnd, calls: [(method: String, call: Call)], requests: [OutgoingRequest]) {
        let left = Mutex(answers)
        let http = ScriptedHTTP { _ in
            let body = left.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
            return .answered(IncomingResponse(status: 200, body: Array(body.utf8)))
        }
        let transport = SlackBotTransport(http: http, texts: try Sample.texts()) { Sample.date }
        let envelope = envelope(kind, open: open)
        let content = try transport.render(Sample.message(kind), envelope, Self.configuration)
        let end = await transport.send(content, envelope, Self.configuration) { true }
        let calls = try http.requests.map { request in
            (
                String(request.url.reveal().split(separator: "/").last ?? ""),
                try JSONDecoder().decode(Call.self, from: Data(request.body))
            )
        }
        return (end, calls, http.requests)
    }

    @Test func `a message is posted with buttons and its place is kept`() async throws {
        let (end, calls, requests) = try await send(.opened)
        #expect(end.verdict == .accepted && end.handle == "C1:5.6")
        #expect(calls.map(\.method) == ["chat.postMessage"])
        let call = calls[0].call
        #expect(call.channel == "#alerts" && call.thread_ts == nil && call.text.contains("Re-authorize"))
        let buttons = try #require(call.blocks.last)
        #expect(buttons.blockID == "tokenward:dst_1" && buttons.elements?.count == 3)
        guard case .button(let first)? = buttons.elements?.first else {
            Issue.record("\(buttons)")
            return
        }
        #expect(first.value == "msg_1" && first.actionID == "tokenward_acknowledge" && first.text.text == "Acknowledge")
        let headers = Dictionary(uniqueKeysWithValues: requests[0].headers.map { ($0.name, $0.value) })
        #expect(headers["authorization"] == "Bearer xoxb-canary-Bot-Token")
        #expect(requests[0].url.reveal() == "https://slack.com/api/chat.postMessage")
    }

    @Test(arguments: [MessageKind.recovered, .test])
    func `what is over has no buttons`(_ kind: MessageKind) async throws {
        let (_, calls, _) = try await send(kind)
        #expect(calls[0].call.blocks.allSatisfy { $0.type != "actions" })
    }

    @Test func `without a signing secret there are no buttons`() throws {
        let transport = SlackBotTransport(http: ScriptedHTTP(status: 200), texts: try Sample.texts())
        let content = try transport.render(
            Sample.message(), envelope(.opened), .slackBot(token: Secret("x"), channel: "#a", signingSecret: nil))
        #expect(!String(decoding: content, as: UTF8.self).contains("actions"))
    }

    @Test(arguments: [MessageKind.reminder, .escalated])
    func `reminders and escalations answer in the thread`(_ kind: MessageKind) async throws {
        let (end, calls, _) = try await send(kind, open: 1)
        #expect(calls.map(\.method) == ["chat.postMessage"])
        #expect(calls[0].call.thread_ts == "111.222" && calls[0].call.channel == "C9")
        #expect(end.verdict == .accepted && end.handle == nil)
        let (alone, posts, _) = try await send(kind)
        #expect(posts[0].call.thread_ts == nil && alone.handle == "C1:5.6")
    }

    @Test func `when all is well the message itself is changed`() async throws {
        let (end, calls, _) = try await send(.recovered, open: 0)
        #expect(calls.map(\.method) == ["chat.update"])
        #expect(calls[0].call.ts == "111.222" && calls[0].call.channel == "C9")
        #expect(calls[0].call.text.hasPrefix("✅") && end.handle == nil)
    }

    @Test func `while others of the message are open, the end is told in its thread`() async throws {
        let (_, calls, _) = try await send(.recovered, open: 2)
        #expect(calls.map(\.method) == ["chat.postMessage"] && calls[0].call.thread_ts == "111.222")
    }

    @Test(arguments: ["message_not_found", "cant_update_message", "edit_window_closed"])
    func `a message that cannot be changed is followed by a new one`(_ word: String) async throws {
        let (end, calls, _) = try await send(
            .recovered, open: 0, [#"{"ok":false,"error":"\#(word)"}"#, #"{"ok":true,"channel":"C1","ts":"5.6"}"#])
        #expect(calls.map(\.method) == ["chat.update", "chat.postMessage"])
        #expect(calls[1].call.channel == "#alerts" && calls[1].call.ts == nil && end.verdict == .accepted)
    }

    @Test func `a thread that is gone is followed by a new message, which later ones refer to`() async throws {
        let (end, calls, _) = try await send(
            .reminder, open: 1,
            [#"{"ok":false,"error":"thread_not_found"}"#, #"{"ok":true,"channel":"C1","ts":"5.6"}"#])
        #expect(calls.count == 2 && calls[1].call.thread_ts == nil && end.handle == "C1:5.6")
    }

    @Test func `refused blocks go out once more as plain text`() async throws {
        let (end, calls, _) = try await send(
            .opened, [#"{"ok":false,"error":"invalid_blocks"}"#, #"{"ok":true,"channel":"C1","ts":"5.6"}"#])
        #expect(calls.count == 2 && calls[1].call.blocks.isEmpty && calls[1].call.text.contains("Re-authorize"))
        #expect(end.verdict == .accepted && end.handle == "C1:5.6")
        let (dead, tries, _) = try await send(.opened, [#"{"ok":false,"error":"invalid_blocks"}"#])
        #expect(tries.count == 2 && dead.verdict == .permanent(degrades: false))
    }

    @Test func `an answer from nowhere gives no handle`() async throws {
        let long = String(repeating: "C", count: 200)
        for answer in [#"{"ok":true}"#, #"{"ok":true,"channel":"\#(long)","ts":"1.2"}"#] {
            #expect(try await send(.opened, [answer]).end.handle == nil)
        }
        for handle in ["", "C1", ":1", "C1:", "C1:2:3"] { #expect(SlackPlace(handle) == nil) }
    }
}
