/// News of the platform's own that is relayed as `platform.event` (`POST /v1/events`).
package struct PlatformEvent: Sendable, Equatable, Codable {
    /// The sender's, 1…200 characters, unique per tenant: the same id is the same event.
    package var id: String
    package var severity: Severity
    /// One line, 1…200 characters.
    package var title: String
    /// At most 2,000 characters.
    package var message: String?
    /// Nil: of the platform.
    package var tenantID: String?
    /// An https URL.
    package var link: String?
    /// A JSON object as text, at most 8 KiB; webhooks carry it as it is.
    package var data: String?

    package init(
        id: String, severity: Severity, title: String, message: String? = nil, tenantID: String? = nil,
        link: String? = nil, data: String? = nil
    ) {
        self.id = id
        self.severity = severity
        self.title = title
        self.message = message
        self.tenantID = tenantID
        self.link = link
        self.data = data
    }
}
