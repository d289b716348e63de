package import Domain
package import FoundationEssentials
package import Templates

/// Slack's incoming webhooks; success is status 200 with the body `ok`.
package struct SlackWebhookTransport: Transport {
    private let http: any HTTPSending
    private let texts: MessageTexts
    private let now: @Sendable () -> Date

    package let kind = DestinationKind.slackWebhook
    /// Two transfers: one with blocks, and one in plain text if Slack refuses the blocks.
    package let limit = Duration.seconds(20)

    package init(http: any HTTPSending, texts: MessageTexts, now: @escaping @Sendable () -> Date = { Date() }) {
        self.http = http
        self.texts = texts
        self.now = now
    }

    package func render(
        _ message: RelayMessage, _ envelope: Envelope, _ configuration: DestinationConfiguration
    ) throws(TemplateError) -> [UInt8] {
        let wording = try texts.words(message, at: envelope.queuedAt)
        return try SlackPayload(title: wording.title, severity: message.severity, kind: message.kind) {
            listing throws(TemplateError) in
            try wording.body(.slack, listing: listing)
        }.body
    }

    package func send(
        _ content: [UInt8], _ envelope: Envelope, _ configuration: DestinationConfiguration,
        permit: @escaping @Sendable () -> Bool
    ) async -> AttemptEnd {
        guard case .slackWebhook(let url) = configuration else { return .wrongKind }
        let (end, refusesBlocks) = await transfer(content, url, configuration, tries: envelope.tries, permit)
        guard refusesBlocks, let payload = SlackPayload(content) else { return end }
        let plain = SlackPayload.json(["text": payload.plainText])
        return await transfer(plain, url, configuration, tries: envelope.tries, permit).end
    }

    private func transfer(
        _ body: [UInt8], _ url: Secret, _ configuration: DestinationConfiguration, tries: Int,
        _ permit: @escaping @Sendable () -> Bool
    ) async -> (end: AttemptEnd, refusesBlocks: Bool) {
        let request = OutgoingRequest(
            method: "POST", url: url,
            headers: [
                HeaderField("content-type", "application/json; charset=utf-8"), HeaderField("user-agent", "Tokenward"),
            ], body: body)
        let limits = TransferLimits(total: limit / 2, bodyBytesMax: HTTPAttempt.bodyBytesMax)
        let redaction = Redaction(configuration)
        switch await http.send(request, limits: limits, permit: permit) {
        case .notSent(let code, let message): return (HTTPAttempt.end(notSent: code, message, redaction), false)
        case .lost(let code, let message): return (HTTPAttempt.end(lost: code, message, redaction), false)
        case .answered(let response):
            let refuses = response.status == 400 && Self.blockFaults.contains(Self.word(response))
            return (Self.judge(response, redaction, tries: tries, now: now()), refuses)
        }
    }

    private static let blockFaults: Set<String> = ["invalid_payload", "invalid_blocks", "msg_blocks_too_long"]

    private static func word(_ response: IncomingResponse) -> String {
        String(decoding: response.body.prefix(200), as: UTF8.self).split(whereSeparator: \.isWhitespace).joined(
            separator: " ")
    }

    /// Slack's answers to incoming webhooks; an unknown 4xx is permanent.
    static func judge(_ response: IncomingResponse, _ redaction: Redaction, tries: Int, now: Date) -> AttemptEnd {
        let status = response.status
        let word = word(response)
        let retryAfter = HTTPAttempt.retryAfter(response, now: now)
        let (verdict, sentence): (AttemptEnd.Verdict, String) =
            switch (status, word) {
            case (200, "ok"): (.accepted, "Slack took the message.")
            case (429, _):
                (.retry(after: retryAfter ?? .seconds(30), parks: true), "Slack asks for fewer messages (429).")
            // Seen for channels that were there an hour later.
            case (404, "channel_not_found") where tries < 2:
                (
                    .retry(after: .seconds(3600)),
                    "Slack does not find the webhook's channel; asked once more in an hour."
                )
            case (404, _): (.permanent(degrades: true), "Slack does not know the webhook or its channel (404).")
            case (410, _): (.permanent(degrades: true), "The webhook's Slack channel is archived (410).")
            case (403, _), (401, _):
                (.permanent(degrades: true), "Slack refuses the webhook (\(status)): make a new one.")
            case (400, "invalid_token"): (.permanent(degrades: true), "Slack revoked the webhook: make a new one.")
            case (400..<500, _) where status != 408 && status != 425:
                (.permanent(degrades: false), "Slack refuses the message (\(status)).")
            default:
                (.retry(after: retryAfter, parks: retryAfter != nil), "Slack answered \(status) and not `ok`.")
            }
        return AttemptEnd(
            verdict, code: String(status), sentence: sentence, maybeArrived: status < 300 || status >= 500,
            excerpt: redaction.excerpt(response.body))
    }
}
