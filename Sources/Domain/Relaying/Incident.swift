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

    /// The code of an app's incident that no provider had a part in: no client id and secret are set.
    package static let appMissing = "app_missing"
    /// The reason of a channel whose grant ends soon and that no machine can renew.
    package static let expiring = "expiring"
    /// The reason of a destination that takes no messages; `id` is the destination's.
    package static let destinationDegraded = "destination_degraded"
    /// The reason of the platform's own news; `id` is the event's.
    package static let platformEvent = "event"

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
    /// Of platform events.
    package var title: String?
    package var link: String?
    /// When the channel stops working; nil when unknown.
    package var deadline: Date?
    package var acknowledgement: Acknowledgement?
    /// When somebody is told next if nothing changes; nil: never.
    package var nextReminderAt: Date?
    /// Reminders sent and not answered.
    package var reminders = 0
    package var escalatedAt: Date?

    /// Who takes care of an incident; stops reminders and escalation.
    package struct Acknowledgement: Sendable, Equatable {
        package var by: String
        package var at: Date
        package var note: String?

        package init(by: String, at: Date, note: String?) {
            self.by = by
            self.at = at
            self.note = note
        }
    }

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
