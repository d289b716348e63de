package import FoundationEssentials

package enum DestinationKind: String, Sendable, CaseIterable {
    case slackWebhook = "slack_webhook"
    case email
    case webhook
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

    package func accepts(tenantID: String?, provider: String?, type: MessageType, severity: Severity) -> Bool {
        (tenants.isEmpty || tenantID.map(tenants.contains) ?? false)
            && (providers.isEmpty || provider.map(providers.contains) ?? false)
            && (types.isEmpty || types.contains(type.rawValue))
            && severity >= minimumSeverity ?? .info
    }
}

/// Where a destination is reached and how it knows us; sealed in the database.
package enum DestinationConfiguration: Sendable, Equatable {
    case slackWebhook(url: Secret)
    /// `server`: `smtp://user:pass@host:587` or `smtps://…`.
    case email(server: Secret, sender: String)
    /// `secret`: `whsec_…`.
    case webhook(url: Secret, secret: Secret)

    package var kind: DestinationKind {
        switch self {
        case .slackWebhook: .slackWebhook
        case .email: .email
        case .webhook: .webhook
        }
    }
}

/// A Slack webhook, a group of e-mail addresses or a webhook URL that is told of incidents.
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

    package var kind: DestinationKind { configuration.kind }

    package init(
        id: String, tenantID: String? = nil, name: String, isDefault: Bool = false,
        match: DestinationMatch = DestinationMatch(), recipients: [String] = [],
        configuration: DestinationConfiguration
    ) {
        self.id = id
        self.tenantID = tenantID
        self.name = name
        self.isDefault = isDefault
        self.match = match
        self.recipients = recipients
        self.configuration = configuration
    }

    /// A new id: `dst_` and 20 random characters.
    package static func generatedID() -> String {
        "dst_" + ChannelID.generated().rawValue.dropFirst(3)
    }
}

/// A destination as lists show it: without what is sealed.
package struct DestinationSummary: Sendable, Equatable {
    package var id: String
    package var tenantID: String?
    package var name: String
    package var kind: DestinationKind
    package var isDefault: Bool
    package var match: DestinationMatch
    package var recipients: [String]
    /// No delivery starts before this time: the receiver asked for a pause.
    package var parkedUntil: Date?
    /// What the receiver's last permanent refusal was; nil since the last success.
    package var fault: String?
    package var createdAt: Date

    package init(
        id: String, tenantID: String?, name: String, kind: DestinationKind, isDefault: Bool, match: DestinationMatch,
        recipients: [String], parkedUntil: Date?, fault: String?, createdAt: Date
    ) {
        self.id = id
        self.tenantID = tenantID
        self.name = name
        self.kind = kind
        self.isDefault = isDefault
        self.match = match
        self.recipients = recipients
        self.parkedUntil = parkedUntil
        self.fault = fault
        self.createdAt = createdAt
    }
}
