package import FoundationEssentials

/// How much a message matters; compares by weight.
package enum Severity: String, Sendable, CaseIterable, Comparable, Codable {
    case info
    case warning
    case critical

    package static func < (left: Severity, right: Severity) -> Bool { left.weight < right.weight }

    private var weight: Int {
        switch self {
        case .info: 0
        case .warning: 1
        case .critical: 2
        }
    }
}

/// What an incident is about: one open incident per cause.
package struct IncidentCause: Hashable, Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        case channel
        case app
        case provider
        case platform
    }

    package var kind: Kind
    /// The id of the channel or app, the name of the provider.
    package var id: String
    /// A ``WarningReason`` or another stable word.
    package var reason: String

    package init(kind: Kind, id: String, reason: String) {
        self.kind = kind
        self.id = id
        self.reason = reason
    }

    /// The text that is unique among open incidents.
    package var key: String { "\(kind.rawValue)/\(reason)/\(id)" }
}

/// Something a human must know until it is closed.
package struct Incident: Sendable, Equatable {
    package var id: Int64
    package var cause: IncidentCause
    package var severity: Severity
    package var provider: String?
    /// Nil: of the platform.
    package var tenantID: String?
    package var appID: String?
    /// The rule's stable reason, and a sentence; neither holds a secret.
    package var code: String?
    package var message: String?
    /// The open app incident under which this one stays silent.
    package var parentID: Int64?
    package var openedAt: Date
    package var closedAt: Date?
    package var members: [ChannelID]

    package var isOpen: Bool { closedAt == nil }

    package init(
        id: Int64, cause: IncidentCause, severity: Severity, provider: String?, tenantID: String?, appID: String?,
        code: String?, message: String?, parentID: Int64?, openedAt: Date, closedAt: Date?, members: [ChannelID]
    ) {
        self.id = id
        self.cause = cause
        self.severity = severity
        self.provider = provider
        self.tenantID = tenantID
        self.appID = appID
        self.code = code
        self.message = message
        self.parentID = parentID
        self.openedAt = openedAt
        self.closedAt = closedAt
        self.members = members
    }
}
