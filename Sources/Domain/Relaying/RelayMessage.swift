package import FoundationEssentials

/// What a destination is told, before a transport gives it its form (DESIGN §3.4 `data`).
package struct RelayMessage: Sendable, Equatable {
    package var kind: MessageKind
    package var type: MessageType
    package var severity: Severity
    /// Nil when the channels are of several providers.
    package var provider: String?
    package var reason: String
    /// The provider's or our sentence; nil when there is none or the channels have different ones.
    package var message: String?
    /// Where a human mends it: of the first channel, or of the platform's page.
    package var link: String?
    /// When the first of the channels stops working; nil when unknown.
    package var deadline: Date?
    package var since: Date
    /// The most urgent channels first; see `total`.
    package var channels: [Channel]
    /// How many channels there are, listed or not.
    package var total: Int
    /// Of platform events: one line of the sender's.
    package var title: String?
    /// Of platform events: the sender's own data, a JSON object as text.
    package var data: String?
    /// The count of this reminder, from 1; 0 for other kinds.
    package var reminders: Int
    /// Who takes care of it; nil while nobody does, or when the incidents have different people.
    package var acknowledgedBy: String?

    /// One channel in a message.
    package struct Channel: Sendable, Equatable {
        package var id: String
        package var tenantID: String
        package var userID: String?
        package var displayName: String?
        package var provider: String
        package var deadline: Date?
        package var link: String?

        package init(
            id: String, tenantID: String, userID: String?, displayName: String?, provider: String, deadline: Date?,
            link: String?
        ) {
            self.id = id
            self.tenantID = tenantID
            self.userID = userID
            self.displayName = displayName
            self.provider = provider
            self.deadline = deadline
            self.link = link
        }
    }

    package init(
        kind: MessageKind, type: MessageType, severity: Severity, provider: String?, reason: String, message: String?,
        link: String?, deadline: Date?, since: Date, channels: [Channel], total: Int, title: String? = nil,
        data: String? = nil, reminders: Int = 0, acknowledgedBy: String? = nil
    ) {
        self.kind = kind
        self.type = type
        self.severity = severity
        self.provider = provider
        self.reason = reason
        self.message = message
        self.link = link
        self.deadline = deadline
        self.since = since
        self.channels = channels
        self.total = total
        self.title = title
        self.data = data
        self.reminders = reminders
        self.acknowledgedBy = acknowledgedBy
    }
}
