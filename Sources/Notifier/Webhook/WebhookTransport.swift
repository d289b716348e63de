package import Domain
package import FoundationEssentials
package import Templates

/// Standard Webhooks 1.0 over HTTPS: the id stays over attempts, timestamp and signature are each attempt's own.
package struct WebhookTransport: Transport {
    private let http: any HTTPSending
    private let secrets = WebhookSecrets()
    private let now: @Sendable () -> Date

    package let kind = DestinationKind.webhook
    package let limit = Duration.seconds(15)

    package init(http: any HTTPSending, now: @escaping @Sendable () -> Date = { Date() }) {
        self.http = http
        self.now = now
    }

    package func render(
        _ message: RelayMessage, _ envelope: Envelope, _ configuration: DestinationConfiguration
    ) throws(TemplateError) -> [UInt8] {
        WebhookPayload.body(message, timestamp: envelope.queuedAt)
    }

    package func send(
        _ content: [UInt8], _ envelope: Envelope, _ configuration: DestinationConfiguration,
        permit: @escaping @Sendable () -> Bool
    ) async -> AttemptEnd {
        guard case .webhook(let url, let secret, let retiring) = configuration else { return .wrongKind }
        let former = retiring.flatMap { $0.until > now() ? $0.secret : nil }
        let signing = former.map { Secret(secret.reveal() + " " + $0.reveal()) } ?? secret
        guard let keys = try? secrets.parsed(signing) else {
            return AttemptEnd(
                .permanent(degrades: true), code: "secret", sentence: "The webhook's signing secret is not usable.",
                maybeArrived: false)
        }
        let seconds = Int64(now().timeIntervalSince1970)
        let request = OutgoingRequest(
            method: "POST", url: url,
            headers: [
                HeaderField("content-type", "application/json"), HeaderField("user-agent", "Tokenward"),
                HeaderField("webhook-id", envelope.deliveryID), HeaderField("webhook-timestamp", String(seconds)),
                HeaderField(
                    "webhook-signature", keys.signature(id: envelope.deliveryID, timestamp: seconds, body: content)),
            ], body: content)
        let limits = TransferLimits(total: limit, bodyBytesMax: HTTPAttempt.bodyBytesMax)
        let redaction = Redaction(configuration)
        switch await http.send(request, limits: limits, permit: permit) {
        case .notSent(let code, let message): return HTTPAttempt.end(notSent: code, message, redaction)
        case .lost(let code, let message): return HTTPAttempt.end(lost: code, message, redaction)
        case .answered(let response): return Self.judge(response, redaction, now: now())
        }
    }

    /// The status table of Standard Webhooks: 2xx is success, 410 ends the destination, 413 the message; everything else,
    /// redirects too, is tried again.
    static func judge(_ response: IncomingResponse, _ redaction: Redaction, now: Date) -> AttemptEnd {
        let status = response.status
        var retryAfter: Duration? { HTTPAttempt.retryAfter(response, now: now) }
        let (verdict, sentence): (AttemptEnd.Verdict, String) =
            switch status {
            case 200..<300: (.accepted, "The receiver answered \(status).")
            case 300..<400: (.retry(after: retryAfter), "The receiver redirects (\(status)), which is never followed.")
            case 410: (.permanent(degrades: true), "The receiver wants no more messages (410).")
            // The same bytes are as large the next time.
            case 413: (.permanent(degrades: false), "The receiver finds the message too large (413).")
            case 429:
                (.retry(after: retryAfter ?? .seconds(30), parks: true), "The receiver asks for fewer messages (429).")
            case 502, 503, 504:
                (.retry(after: retryAfter, parks: retryAfter != nil), "The receiver is overloaded (\(status)).")
            default: (.retry(after: retryAfter), "The receiver answered \(status).")
            }
        return AttemptEnd(
            verdict, code: String(status), sentence: sentence, maybeArrived: status < 300 || status >= 500,
            excerpt: redaction.excerpt(response.body))
    }
}
