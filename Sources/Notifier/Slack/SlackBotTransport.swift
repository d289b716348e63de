package import Domain
package import FoundationEssentials
package import Templates

/// A Slack app's bot: posts with buttons, answers in the thread, and rewrites its message when all is well again.
package struct SlackBotTransport: Transport {
    private let http: any HTTPSending
    private let texts: MessageTexts
    private let now: @Sendable () -> Date

    package let kind = DestinationKind.slackBot
    /// Three transfers: the change of an earlier message, a new one in its place, and that one in plain text.
    package let limit = Duration.seconds(30)

    package init(http: any HTTPSending, texts: MessageTexts, now: @escaping @Sendable () -> Date = { Date() }) {
        self.http = http
        self.texts = texts
        self.now = now
    }

    package func render(
        _ message: RelayMessage, _ envelope: Envelope, _ configuration: DestinationConfiguration
    ) throws(TemplateError) -> [UInt8] {
        guard case .slackBot(_, _, let signingSecret, _) = configuration else { return [] }
        let wording = try texts.words(message, at: envelope.queuedAt)
        var buttons: SlackBlock?
        if signingSecret != nil, message.kind.tellsOpen, envelope.rootIncident != 0 {
            buttons = try SlackButtons.block(
                destinationID: envelope.destinationID, deliveryID: envelope.deliveryID, wording: wording)
        }
        return try SlackPayload(title: wording.title, severity: message.severity, kind: message.kind, buttons: buttons)
        {
            listing throws(TemplateError) in
            try wording.body(.slack, listing: listing)
        }.body
    }

    package func send(
        _ content: [UInt8], _ envelope: Envelope, _ configuration: DestinationConfiguration,
        permit: @escaping @Sendable () -> Bool
    ) async -> AttemptEnd {
        guard case .slackBot(let token, let channel, _, let api) = configuration else { return .wrongKind }
        guard let payload = SlackPayload(content) else {
            return AttemptEnd(
                .permanent(degrades: false), code: "content", sentence: "The kept message cannot be read.",
                maybeArrived: false)
        }
        let desk = Desk(
            http: http, token: token, api: api, redaction: Redaction(configuration), total: limit / 3, now: now,
            permit: permit)
        let place = envelope.thread.flatMap { SlackPlace($0.handle) }
        let isOver = envelope.thread?.openIncidents == 0
        switch (envelope.kind, place) {
        case (.recovered, let place?) where isOver:
            let result = await desk.call(.update, payload, channel: place.channel, ts: place.ts)
            guard result.fault == .edit else { return result.end }
            return await desk.call(.post, payload, channel: channel).end
        case (.recovered, let place?), (.reminder, let place?), (.escalated, let place?):
            let result = await desk.call(.post, payload, channel: place.channel, thread: place.ts)
            guard result.fault == .edit else { return result.end }
            return await desk.call(.post, payload, channel: channel).opening(envelope.kind)
        default:
            return await desk.call(.post, payload, channel: channel).opening(envelope.kind)
        }
    }
}

/// A message in Slack: `channel:ts`, where the channel is the id that Slack answered with.
struct SlackPlace: Equatable {
    var channel: String
    var ts: String

    init(channel: String, ts: String) {
        (self.channel, self.ts) = (channel, ts)
    }

    init?(_ handle: String) {
        let parts = handle.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        self.init(channel: String(parts[0]), ts: String(parts[1]))
    }

    var handle: String { "\(channel):\(ts)" }
}

extension SlackAPI.End {
    /// The end of a post that later messages refer to.
    fileprivate func opening(_ kind: MessageKind) -> AttemptEnd {
        var end = end
        if kind.tellsOpen, let channel = answer?.channel, let ts = answer?.ts, channel.utf8.count + ts.utf8.count < 100
        {
            end.handle = SlackPlace(channel: channel, ts: ts).handle
        }
        return end
    }
}

/// The calls of one attempt.
private struct Desk {
    let http: any HTTPSending
    let token: Secret
    let api: Secret?
    let redaction: Redaction
    let total: Duration
    let now: @Sendable () -> Date
    let permit: @Sendable () -> Bool

    /// One call, and once more in plain text if Slack refuses the blocks.
    func call(
        _ method: SlackAPI.Method, _ payload: SlackPayload, channel: String, ts: String? = nil, thread: String? = nil
    ) async -> SlackAPI.End {
        var call = SlackAPI.Call(
            channel: channel, text: payload.text, blocks: payload.blocks, ts: ts, threadTS: thread)
        if method == .update { (call.unfurlLinks, call.unfurlMedia) = (nil, nil) }
        let first = await once(method, call)
        guard first.fault == .blocks else { return first }
        call.text = payload.plainText
        call.blocks = []
        return await once(method, call)
    }

    private func once(_ method: SlackAPI.Method, _ call: SlackAPI.Call) async -> SlackAPI.End {
        let request = SlackAPI.request(method, call, token: token, api: api)
        let limits = TransferLimits(total: total, bodyBytesMax: HTTPAttempt.bodyBytesMax)
        switch await http.send(request, limits: limits, permit: permit) {
        case .notSent(let code, let message):
            return SlackAPI.End(end: HTTPAttempt.end(notSent: code, message, redaction))
        case .lost(let code, let message):
            return SlackAPI.End(end: HTTPAttempt.end(lost: code, message, redaction))
        case .answered(let response): return SlackAPI.judge(response, redaction, now: now())
        }
    }
}
