package import FoundationEssentials

package enum DestinationKind: String, Sendable, CaseIterable {
    case slackWebhook = "slack_webhook"
    case slackBot = "slack_bot"
    case email
    case webhook

    /// One message a second, one at a time.
    package var isSlack: Bool { self == .slackWebhook || self == .slackBot }
}

/// Which incidents a destination wants; an empty list or nil asks for nothing in particular.
package struct DestinationMatch: Sendable, Equatable, Codable {
    package var tenants: [String]
    package var providers: [String]
    /// ``MessageType`` names, of opening messages.
    package var types: [String]
    package var minimumSeverity: Severity?

    package init(
        tenants: [String] = [], providers: [String] = [], types: [String] = [], minimumSeverity: Severity? = nil
    ) {
        self.tenants = tenants
        self.providers = providers
        self.types = types
        self.minimumSeverity = minimumSeverity
    }

    package var isEmpty: Bool { tenants.isEmpty && providers.isEmpty && types.isEmpty && minimumSeverity == nil }
}

/// Where a destination is reached and how it knows us; sealed in the database.
package enum DestinationConfiguration: Sendable, Equatable {
    case slackWebhook(url: Secret)
    /// Posts as an app's bot, by `chat.postMessage` and `chat.update`.
    ///
    /// - `channel`: id or `#name`.
    /// - `signingSecret`: proves what comes back from buttons; nil: messages have none.
    /// - `api`: base of the Web API without a trailing slash; nil: Slack's own.
    case slackBot(token: Secret, channel: String, signingSecret: Secret?, api: Secret? = nil)
    /// `server`: `smtp://user:pass@host:587` or `smtps://…`.
    case email(server: Secret, sender: String)
    /// `secret`: `whsec_…`; `retiring`: the one before, which signs beside it until its end.
    case webhook(url: Secret, secret: Secret, retiring: RetiringSecret? = nil)

    package var kind: DestinationKind {
        switch self {
        case .slackWebhook: .slackWebhook
        case .slackBot: .slackBot
        case .email: .email
        case .webhook: .webhook
        }
    }
}

/// The former secret of a webhook in rotation.
package struct RetiringSecret: Sendable, Equatable {
    package var secret: Secret
    /// It signs no more from then on.
    package var until: Date

    package init(secret: Secret, until: Date) {
        self.secret = secret
        self.until = until
    }
}

/// A Slack webhook or bot channel, a group of e-mail addresses or a webhook URL that is told of incidents.
package struct Destination: Sendable, Equatable {
    package var id: String
    /// Nil: of the platform.
    ///
    /// A tenant's destination is told of that tenant's incidents only.
    package var tenantID: String?
    package var name: String
    /// Gets what no other destination matches.
    package var isDefault: Bool
    package var match: DestinationMatch
    /// E-mail addresses, one delivery for each; empty for other kinds.
    package var recipients: [String]
    package var configuration: DestinationConfiguration
    /// The destination that is told when two reminders to this one were not answered.
    package var escalatesTo: String?

    package var kind: DestinationKind { configuration.kind }

    package init(
        id: String, tenantID: String? = nil, name: String, isDefault: Bool = false,
        match: DestinationMatch = DestinationMatch(), recipients: [String] = [],
        configuration: DestinationConfiguration, escalatesTo: String? = nil
    ) {
        self.id = id
        self.tenantID = tenantID
        self.name = name
        self.isDefault = isDefault
        self.match = match
        self.recipients = recipients
        self.configuration = configuration
        self.escalatesTo = escalatesTo
    }

    /// A new id: `dst_` and 20 random characters.
    package static func generatedID() -> String {
        "dst_" + ChannelID.generated().rawValue.dropFirst(3)
    }
}
