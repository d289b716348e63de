package import Domain
package import FoundationEssentials
package import Templates

/// The transports of this process, by kind of destination.
package struct Transports: Sendable {
    private let byKind: [DestinationKind: any Transport]

    package init(_ transports: [any Transport]) {
        byKind = Dictionary(transports.map { ($0.kind, $0) }, uniquingKeysWith: { _, new in new })
    }

    /// Slack, e-mail and webhooks over the two ports.
    ///
    /// - Parameter links: of which mails need the page that ends them.
    package init(
        http: any HTTPSending, mail: any MailSending, templates: MessageTemplates, language: String = "en",
        links: MessageLinks = .none, now: @escaping @Sendable () -> Date = { Date() }
    ) {
        let texts = MessageTexts(templates: templates, language: language)
        self.init([
            SlackWebhookTransport(http: http, texts: texts, now: now),
            SlackBotTransport(http: http, texts: texts, now: now),
            MailTransport(mail: mail, texts: texts, links: links),
            WebhookTransport(http: http, now: now),
        ])
    }

    package subscript(kind: DestinationKind) -> (any Transport)? { byKind[kind] }

    /// The limits of a claim: a lease outlives its transfer by 30 s.
    func limits(_ settings: NotifierSettings) -> DeliveryLimits {
        let limits = byKind.mapValues(\.limit)
        return DeliveryLimits(
            lease: { (limits[$0] ?? .seconds(60)) + .seconds(30) },
            perDestination: { kind, failures in
                if kind.isSlack || failures >= DestinationSummary.breakerThreshold { return 1 }
                return kind == .webhook && failures == 0 ? settings.webhookMax : settings.perDestinationMax
            },
            pace: { $0.isSlack ? settings.slackPace : nil })
    }
}
