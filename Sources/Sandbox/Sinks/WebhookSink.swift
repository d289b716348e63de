import Crypto
package import Domain
package import FoundationEssentials

/// A webhook endpoint on loopback that checks Standard Webhooks signatures and keeps what it is given.
package final class WebhookSink: Sendable {
    /// How far a timestamp may be from now.
    static let tolerance: Duration = .seconds(300)

    private let server = LoopbackServer()
    private let log: SinkLog
    private let key: SymmetricKey?
    private let requestedPort: UInt16

    /// - Parameters:
    ///   - secret: `whsec_` and base64, or base64 alone; nil: nothing is checked. One that is not base64 matches nothing.
    ///   - printer: is handed a few lines for each message.
    package init(
        secret: Secret? = nil, port: UInt16 = 0, printer: (@Sendable (String) -> Void)? = nil,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        log = SinkLog(printer: printer, now: now)
        requestedPort = port
        key = secret.map { secret in
            let text = secret.reveal()
            let encoded = text.hasPrefix("whsec_") ? String(text.dropFirst(6)) : text
            return Data(base64Encoded: encoded).map { SymmetricKey(data: $0) } ?? SymmetricKey(size: .bits256)
        }
    }

    package var port: Int { server.port }
    package var url: String { "http://127.0.0.1:\(port)/webhook" }
    /// The last 1,000 messages that were accepted; a repeated `webhook-id` counts again.
    package var messages: [SinkMessage] { log.messages }
    package var received: Int { log.received }
    /// Posts, refused ones included.
    package var attempts: Int { log.attempts }

    /// Messages from now on.
    package func stream() -> AsyncStream<SinkMessage> { log.stream() }

    /// Answers the next `times` posts (nil: all) with a refusal, such as 410 or 503.
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
        guard request.method == "POST" else { return .text("method not allowed\n", status: 405) }
        if let refusal = log.takeRefusal() { return refusal.answer(json: false) }
        let isSigned = key.map { isRight(request, $0) }
        guard isSigned != false else { return .text("wrong signature\n", status: 401) }
        let payload = try? JSONValue(parsing: request.body)
        let data = payload?["data"] ?? payload
        let texts = ["title", "message", "reason", "channelId", "displayName"].compactMap { data?[$0]?.scalar }
        log.record(
            SinkMessage(
                transport: .webhook, recipient: request.path, title: payload?["type"]?.string ?? "",
                text: texts.isEmpty ? request.text : texts.joined(separator: "\n"),
                link: SinkMessage.firstLink(in: request.text.replacing("\\/", with: "/")), receivedAt: log.now(),
                headers: request.headers, raw: request.body, isSigned: isSigned))
        return .text("accepted\n", status: 202)
    }

    /// Standard Webhooks 1.0.0: HMAC-SHA256 over `id.timestamp.body`, any of the `v1` signatures.
    private func isRight(_ request: WireRequest, _ key: SymmetricKey) -> Bool {
        guard let id = request.header("webhook-id"), let timestamp = request.header("webhook-timestamp"),
            let signatures = request.header("webhook-signature"), let sentAt = Double(timestamp),
            abs(log.now().timeIntervalSince1970 - sentAt) <= Self.tolerance.seconds
        else { return false }
        let signed = Data("\(id).\(timestamp).".utf8) + Data(request.body)
        return signatures.split(separator: " ").contains { signature in
            guard signature.hasPrefix("v1,"), let code = Data(base64Encoded: String(signature.dropFirst(3))) else {
                return false
            }
            return HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: signed, using: key)
        }
    }
}
