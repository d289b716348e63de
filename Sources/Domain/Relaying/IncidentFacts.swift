package import FoundationEssentials

/// What a message says of one incident.
package struct IncidentFacts: Sendable, Equatable {
    package var id: Int64
    package var cause: IncidentCause
    package var severity: Severity
    package var provider: String?
    package var tenantID: String?
    package var message: String?
    /// The provider's or our own code for what went wrong.
    package var code: String?
    package var openedAt: Date
    package var deadline: Date?
    /// Of channel incidents.
    package var userID: String?
    package var displayName: String?
    /// How many channels wait for an app; 1 for a channel's incident.
    package var channels: Int
    /// Of platform events.
    package var title: String?
    package var link: String?
    /// A JSON object as text.
    package var data: String?
    /// Reminders so far, the one about to be sent included.
    package var reminders = 0
    package var acknowledgedBy: String?

    package init(
        id: Int64, cause: IncidentCause, severity: Severity, provider: String?, tenantID: String?, message: String?,
        openedAt: Date, deadline: Date?, userID: String?, displayName: String?, channels: Int
    ) {
        self.id = id
        self.cause = cause
        self.severity = severity
        self.provider = provider
        self.tenantID = tenantID
        self.message = message
        self.openedAt = openedAt
        self.deadline = deadline
        self.userID = userID
        self.displayName = displayName
        self.channels = channels
    }
}
