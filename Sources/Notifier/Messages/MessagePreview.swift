package import Domain
import FoundationEssentials
package import Templates

/// What people would get, with made-up incidents: for `tokenward templates preview` and the API.
package struct MessagePreview: Sendable {
    /// What is previewed.
    package struct Order: Sendable, Equatable {
        package var kind: MessageKind
        /// Nil: what is usual for the kind.
        package var type: MessageType?
        package var language: String
        /// How many channels wait, 1…100,000.
        package var channels: Int

        package init(kind: MessageKind, type: MessageType? = nil, language: String, channels: Int = 2) {
            self.kind = kind
            self.type = type
            self.language = language
            self.channels = channels
        }
    }

    private let templates: MessageTemplates
    private let links: MessageLinks

    /// - Parameter publicURL: the base of the samples' links.
    package init(templates: MessageTemplates, publicURL: String = "https://tokens.example.com") {
        self.templates = templates
        links = MessageLinks(
            overview: publicURL + "/status", mute: { _, _ in publicURL + "/unsubscribe/k1.sample.sample.sample" }
        ) { _, _ in publicURL + "/reauthorize/k1.1.sample.sample" }
    }

    package func message(_ order: Order) -> RelayMessage {
        SampleMessage.message(kind: order.kind, type: order.type, channels: order.channels)
    }

    /// The text of one target, `KIND.TARGET`, as it is laid out for its transport.
    ///
    /// - Parameter candidate: instead of the template of this name.
    package func text(
        _ target: TemplateTarget, _ order: Order, candidate: String? = nil
    ) throws(TemplateError) -> String {
        let templates =
            if let candidate {
                try templates.replacing(
                    "\(order.kind.rawValue).\(target.rawValue)", language: order.language, with: candidate)
            } else {
                self.templates
            }
        switch target {
        case .slack: return String(decoding: try slack(order, templates), as: UTF8.self)
        case .subject: return try wording(order, templates).title
        case .text, .html, .page, .json:
            return try wording(order, templates).body(target, listing: MailTransport.listed)
        }
    }

    /// Block Kit's JSON, with the buttons of a bot.
    package func slack(_ order: Order) throws(TemplateError) -> String { try text(.slack, order) }

    /// The whole mail as it goes over the wire.
    package func mail(_ order: Order) throws(TemplateError) -> String {
        let texts = MessageTexts(templates: templates, language: order.language)
        let bytes = try MailTransport(mail: Nowhere(), texts: texts, links: links).render(
            message(order), envelope(order, recipient: "superadmin@example.com"),
            .email(server: Secret("smtp://mail.example.com"), sender: "Tokenward <tokenward@example.com>"))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The webhook's body.
    package func webhook(_ order: Order) -> String {
        String(decoding: WebhookPayload.body(message(order), timestamp: SampleMessage.date), as: UTF8.self)
    }

    private func wording(_ order: Order, _ templates: MessageTemplates) throws(TemplateError) -> MessageWording {
        try MessageTexts(templates: templates, language: order.language).words(
            message(order), at: SampleMessage.date, muteLink: links.mute("dst_sample", "superadmin@example.com"))
    }

    private func slack(_ order: Order, _ templates: MessageTemplates) throws(TemplateError) -> [UInt8] {
        let message = message(order)
        let wording = try wording(order, templates)
        let buttons =
            message.kind.tellsOpen
            ? try SlackButtons.block(destinationID: "dst_sample", deliveryID: "msg_sample", wording: wording) : nil
        return try SlackPayload(title: wording.title, severity: message.severity, kind: message.kind, buttons: buttons)
        {
            listing throws(TemplateError) in
            try wording.body(.slack, listing: listing)
        }.body
    }

    private func envelope(_ order: Order, recipient: String) -> Envelope {
        Envelope(
            deliveryID: "msg_sample", recipient: recipient, rootIncident: order.kind == .test ? 0 : 1,
            queuedAt: SampleMessage.date, tries: 1, kind: order.kind, destinationID: "dst_sample")
    }
}

/// A preview sends nothing.
private struct Nowhere: MailSending {
    func send(_ mail: OutgoingMail, through serverURL: Secret) async -> MailEnd { .notSent(message: "a preview") }
}
