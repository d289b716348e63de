package import Domain
import FoundationEssentials
package import Templates

/// Mail over SMTP: one transfer, one recipient, and a Message-ID that stays over attempts.
package struct MailTransport: Transport {
    private let mail: any MailSending
    private let texts: MessageTexts
    private let links: MessageLinks

    package let kind = DestinationKind.email
    package let limit = Duration.seconds(60)

    /// Named channels; more is "+N more".
    static let listed = 100
    /// A server that greylists wants to see a few minutes pass.
    static let transientFloor = Duration.seconds(300)

    package init(mail: any MailSending, texts: MessageTexts, links: MessageLinks = .none) {
        self.mail = mail
        self.texts = texts
        self.links = links
    }

    package func render(
        _ message: RelayMessage, _ envelope: Envelope, _ configuration: DestinationConfiguration
    ) throws(TemplateError) -> [UInt8] {
        guard case .email(_, let sender) = configuration, let from = try? MailAddress(parsing: sender),
            let to = try? MailAddress(parsing: envelope.recipient)
        else { return [] }
        let muteLink = links.mute(envelope.destinationID, envelope.recipient)
        let wording = try texts.words(message, at: envelope.queuedAt, muteLink: muteLink)
        return MailMessage(
            sender: from, recipient: to, subject: wording.title,
            text: try wording.body(.text, listing: Self.listed), html: try wording.body(.html, listing: Self.listed),
            deliveryID: envelope.deliveryID, rootIncident: envelope.rootIncident, date: envelope.queuedAt,
            muteLink: muteLink
        ).bytes
    }

    package func send(
        _ content: [UInt8], _ envelope: Envelope, _ configuration: DestinationConfiguration,
        permit: @escaping @Sendable () -> Bool
    ) async -> AttemptEnd {
        guard case .email(let server, let sender) = configuration else { return .wrongKind }
        guard !content.isEmpty, let from = try? MailAddress(parsing: sender),
            let to = try? MailAddress(parsing: envelope.recipient)
        else {
            return AttemptEnd(
                .permanent(degrades: true), code: "address", sentence: "The sender or recipient is no mail address.",
                maybeArrived: false)
        }
        guard permit() else {
            return AttemptEnd(
                .retry(), code: "late", sentence: "The time to send it had run out.", maybeArrived: false)
        }
        let outgoing = OutgoingMail(sender: from.address, recipient: to.address, message: content)
        return Self.judge(await mail.send(outgoing, through: server), Redaction(configuration))
    }

    /// RFC 5321: 4yz is tried again, 5yz is not; a lost reply is tried again under the same Message-ID.
    static func judge(_ end: MailEnd, _ redaction: Redaction) -> AttemptEnd {
        switch end {
        case .accepted(let code):
            AttemptEnd(
                .accepted, code: String(code), sentence: "The mail server took the message.", maybeArrived: true)
        case .refused(let code, let message) where (500..<600).contains(code):
            AttemptEnd(
                .permanent(degrades: [530, 534, 535, 538].contains(code)), code: String(code),
                sentence: "The mail server refuses the message (\(code)).", maybeArrived: false,
                excerpt: redaction.clean(message))
        case .refused(let code, let message):
            AttemptEnd(
                .retry(after: transientFloor), code: String(code),
                sentence: "The mail server wants it later (\(code)).", maybeArrived: false,
                excerpt: redaction.clean(message))
        case .notAuthenticated(let message):
            AttemptEnd(
                .permanent(degrades: true), code: "auth",
                sentence: "The mail server refuses the user or password: correct SMTP_URL.", maybeArrived: false,
                excerpt: redaction.clean(message))
        case .notSent(let message):
            AttemptEnd(
                .retry(), code: "not_sent", sentence: "The mail did not leave: \(redaction.clean(message))",
                maybeArrived: false)
        case .lost(let message):
            AttemptEnd(
                .retry(), code: "lost",
                sentence: "No reply came, the mail may have arrived: \(redaction.clean(message))", maybeArrived: true)
        }
    }
}
