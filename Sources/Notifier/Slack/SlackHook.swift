import Crypto
package import Domain
package import FoundationEssentials
package import Logging
import Templates

/// `POST /hooks/slack`: what people press in Slack, proven by the app's signing secret and answered within 3 s.
///
/// A press says which message it is about; the destination's own secret proves it, and only what that destination's tenant
/// owns is changed. The message is changed by the bot, never through a URL from the request.
package struct SlackHook: Sendable {
    private let lookUp: @Sendable (_ id: String) async throws -> Destination?
    private let control: any RelayControl
    private let http: any HTTPSending
    private let texts: MessageTexts
    private let now: @Sendable () -> Date
    private let logger: Logger

    package static let path = "/hooks/slack"
    static let bodyBytesMax = 256 * 1024
    /// How far Slack's time may be from ours: older is a replay.
    static let tolerance = 300.0
    private static let closed = "closed"
    /// Slack waits 3 s.
    static let update = TransferLimits(connect: .seconds(1), total: .milliseconds(1800), bodyBytesMax: 64 * 1024)

    /// - Parameter destination: any tenant's, with its opened configuration.
    package init(
        destination: @escaping @Sendable (_ id: String) async throws -> Destination?, control: any RelayControl,
        http: any HTTPSending, texts: MessageTexts, now: @escaping @Sendable () -> Date = { Date() }, logger: Logger
    ) {
        lookUp = destination
        self.control = control
        self.http = http
        self.texts = texts
        self.now = now
        self.logger = logger
    }

    /// An HTTP status and, for a refusal, a sentence.
    package struct Answer: Sendable, Equatable {
        package var status: Int
        package var sentence: String

        static let done = Answer(status: 200, sentence: "")
        static let forged = Answer(
            status: 401,
            sentence: "The request is not signed by the Slack app of one of the destinations, or is too old.")
    }

    /// - Parameters:
    ///   - header: a header's value by its name in lower case.
    ///   - body: as it came: the signature is over these bytes.
    package func answer(header: (String) -> String?, body: [UInt8], remoteAddress: String) async throws -> Answer {
        guard body.count <= Self.bodyBytesMax else {
            return Answer(status: 413, sentence: "The request is larger than Slack's are.")
        }
        guard let signature = SlackSignature(header: header, now: now()), let press = SlackInteraction(form: body),
            let action = press.actions.first,
            let destinationID = action.blockID.flatMap(SlackButtons.destinationID(of:)),
            let destination = try await lookUp(destinationID),
            case .slackBot(_, _, let secret?, _) = destination.configuration,
            signature.isRight(for: body, secret: secret)
        else { return .forged }
        guard let act = SlackButtons.Act(rawValue: action.actionID), let deliveryID = action.value,
            (1...100).contains(deliveryID.utf8.count)
        else { return .done }
        let note = try await perform(act, on: .delivery(deliveryID), press, destination, remoteAddress)
        await show(note, act, press, destination)
        return .done
    }

    /// What the message says then.
    private func perform(
        _ act: SlackButtons.Act, on target: RelayTarget, _ press: SlackInteraction, _ destination: Destination,
        _ remoteAddress: String
    ) async throws -> (word: String, until: Date?) {
        let actor = AuditActor(
            name: "slack:\(press.user.label)", address: remoteAddress.isEmpty ? nil : remoteAddress)
        guard let duration = act.duration else {
            let open = try await control.acknowledge(target, note: nil, tenantID: destination.tenantID, by: actor)
            return (open.isEmpty ? Self.closed : "acknowledgedBy", nil)
        }
        let until = now().addingTimeInterval(duration.seconds)
        let silences = try await control.snooze(
            target, until: until, comment: "Snoozed in Slack", tenantID: destination.tenantID, by: actor)
        return (silences.isEmpty ? Self.closed : "snoozedBy", until)
    }

    /// Rewrites the message; that it cannot be is no failure of what was done.
    ///
    /// A message about what is over is the relay's to rewrite, which may have happened since it was shown to who pressed:
    /// they alone are told.
    private func show(
        _ note: (word: String, until: Date?), _ act: SlackButtons.Act, _ press: SlackInteraction,
        _ destination: Destination
    ) async {
        guard case .slackBot(let token, _, _, let api) = destination.configuration, let place = press.place,
            let message = press.message
        else { return }
        do {
            let text = try texts.note(note.word, who: "<@\(press.user.id)>", until: note.until)
            let method = note.word == Self.closed ? SlackAPI.Method.ephemeral : .update
            var call = SlackAPI.Call(
                channel: place.channel, text: text, blocks: [], unfurlLinks: nil, unfurlMedia: nil)
            if method == .ephemeral {
                call.user = press.user.id
            } else {
                call.text = message.text ?? ""
                call.blocks = SlackButtons.noting(text, in: message.blocks, keepsButtons: act != .acknowledge)
                call.ts = place.ts
            }
            let end = await http.send(
                SlackAPI.request(method, call, token: token, api: api), limits: Self.update, permit: { true })
            guard case .answered(let response) = end,
                SlackAPI.judge(response, Redaction(destination.configuration), now: now()).answer?.ok == true
            else {
                return logger.warning(
                    "A Slack message could not be changed",
                    metadata: ["event": "slack.update_failed", "destination": "\(destination.id)"])
            }
        } catch {
            logger.warning(
                "A Slack message could not be worded", metadata: ["event": "slack.update_failed", "error": "\(error)"])
        }
    }
}

/// Slack's proof that a request is its own: `v0=` and HMAC-SHA256 over `v0:timestamp:body`.
struct SlackSignature {
    private let timestamp: Substring
    private let code: [UInt8]

    /// Nil: a header is missing or malformed, or the time is more than 5 minutes from now.
    init?(header: (String) -> String?, now: Date) {
        guard let timestamp = header("x-slack-request-timestamp"), timestamp.utf8.count <= 20,
            timestamp.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let seconds = Double(timestamp),
            abs(now.timeIntervalSince1970 - seconds) <= SlackHook.tolerance,
            let signature = header("x-slack-signature"), signature.hasPrefix("v0="), signature.utf8.count == 67
        else { return nil }
        var code: [UInt8] = []
        var digits = signature.dropFirst(3)
        while !digits.isEmpty {
            guard let byte = UInt8(digits.prefix(2), radix: 16), !digits.hasPrefix("+"), !digits.hasPrefix("-") else {
                return nil
            }
            code.append(byte)
            digits = digits.dropFirst(2)
        }
        self.timestamp = timestamp[...]
        self.code = code
    }

    /// Constant time.
    func isRight(for body: [UInt8], secret: Secret) -> Bool {
        let key = SymmetricKey(data: Array(secret.reveal().utf8))
        return HMAC<SHA256>.isValidAuthenticationCode(
            code, authenticating: Array("v0:\(timestamp):".utf8) + body, using: key)
    }
}
