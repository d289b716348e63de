package import FoundationEssentials

/// Slack's incoming webhooks and `chat.postMessage` on loopback; keeps what it is given.
package final class SlackSink: Sendable {
    private let server = LoopbackServer()
    private let log: SinkLog
    private let channel = SlackChannelLog()
    private let requestedPort: UInt16

    /// What the bot said, in order and as it is after all changes; the last 1,000.
    package var posts: [SlackPost] { channel.posts }

    /// - Parameter printer: is handed a few lines for each message.
    package init(
        port: UInt16 = 0, printer: (@Sendable (String) -> Void)? = nil,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        log = SinkLog(printer: printer, now: now)
        requestedPort = port
    }

    package var port: Int { server.port }
    /// An incoming webhook's address.
    package var webhookURL: String { "http://127.0.0.1:\(port)/services/T0/B0/sandbox" }
    /// What stands for `https://slack.com`.
    package var apiURL: String { "http://127.0.0.1:\(port)" }
    /// The last 1,000 messages that were accepted.
    package var messages: [SinkMessage] { log.messages }
    package var received: Int { log.received }
    /// Posts, refused ones included.
    package var attempts: Int { log.attempts }

    /// Messages from now on.
    package func stream() -> AsyncStream<SinkMessage> { log.stream() }

    /// Answers the next `times` posts (nil: all) with a refusal, such as 429, 400 `invalid_payload`, 500.
    package func refuse(_ refusal: SinkRefusal, times: Int? = 1) { log.refuse(refusal, times: times) }
    /// Ends a refusal.
    package func accept() { log.accept() }

    package func start() async throws(SandboxError) { try await server.start(port: requestedPort) }

    package func run() async throws(SandboxError) {
        defer { log.finish() }
        try await server.run { [self] connection in
            try await serveHTTP(connection, clock: ContinuousClock()) { answer($0) }
        }
    }

    package func stop() { server.stop() }

    private func answer(_ request: WireRequest) -> WireAnswer {
        guard request.method == "POST" else { return .text("method_not_allowed", status: 405) }
        let isAPI = request.path.hasPrefix("/api/")
        if let refusal = log.takeRefusal() { return refusal.answer(json: isAPI) }
        guard let payload = try? JSONValue(parsing: request.body), case .object = payload else {
            guard isAPI else { return .text("invalid_payload", status: 400) }
            return WireAnswer(json: ["ok": false, "error": "invalid_json"])
        }
        let message = Self.read(payload, request, at: log.now())
        guard !isAPI else { return answerAPI(request, payload, message) }
        guard !message.text.isEmpty || !message.title.isEmpty else { return .text("no_text", status: 400) }
        guard SlackPayloadCheck.problems(in: payload).isEmpty else { return .text("invalid_blocks", status: 400) }
        log.record(message)
        return .text("ok")
    }

    /// `chat.postMessage`, `chat.update` and `chat.postEphemeral`: status 200 whatever happens, `ok` and a word.
    private func answerAPI(_ request: WireRequest, _ payload: JSONValue, _ message: SinkMessage) -> WireAnswer {
        guard request.header("authorization")?.hasPrefix("Bearer ") == true else {
            return WireAnswer(json: ["ok": false, "error": "not_authed"])
        }
        let method = String(request.path.dropFirst("/api/".count))
        switch channel.take(method, payload, raw: request.body, at: log.now()) {
        case .failure(let word): return WireAnswer(json: ["ok": false, "error": .string(word.word)])
        case .success(let post):
            log.record(message)
            return WireAnswer(json: ["ok": true, "channel": .string(post.channel), "ts": .string(post.ts)])
        }
    }

    /// Block Kit as text: the header is the title, a button's address the link.
    private static func read(_ payload: JSONValue, _ request: WireRequest, at time: Date) -> SinkMessage {
        var title = ""
        var link: String?
        var parts: [String] = []
        for block in payload["blocks"]?.elements ?? [] {
            switch block["type"]?.string {
            case "header": title = title.isEmpty ? block["text"]?["text"]?.string ?? "" : title
            case "actions":
                for element in block["elements"]?.elements ?? [] { link = link ?? element["url"]?.string }
            default:
                let texts = [block["text"]?["text"]?.string].compactMap { $0 }
                let fields = (block["fields"]?.elements ?? block["elements"]?.elements ?? []).compactMap {
                    $0["text"]?.string
                }
                parts += texts + fields
            }
            link = link ?? block["accessory"]?["url"]?.string
        }
        let fallback = payload["text"]?.string ?? ""
        let text = parts.isEmpty ? fallback : parts.joined(separator: "\n")
        return SinkMessage(
            transport: .slack, recipient: payload["channel"]?.string ?? "#alerts (\(request.path))",
            title: SlackChannelLog.unescaped(title.isEmpty && !parts.isEmpty ? fallback : title),
            text: SlackChannelLog.unescaped(text),
            link: link ?? SinkMessage.firstLink(in: text), receivedAt: time, headers: request.headers,
            raw: request.body, isSigned: nil)
    }
}

extension JSONValue {
    var elements: [JSONValue] {
        guard case .array(let values) = self else { return [] }
        return values
    }
}
