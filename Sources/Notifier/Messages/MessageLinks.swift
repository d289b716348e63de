package import Domain

/// Where messages point: made by Reauthorization, or nowhere.
package struct MessageLinks: Sendable {
    /// The signed link with which a human mends a channel; valid while the incident is open.
    package var repair: @Sendable (_ channel: ChannelID, _ incident: Int64) -> String?
    /// The platform's page of incidents.
    package var overview: String?
    /// The page on which a mail's receiver ends mails to this address (RFC 8058).
    package var mute: @Sendable (_ destinationID: String, _ recipient: String) -> String?

    package init(
        overview: String? = nil,
        mute: @escaping @Sendable (_ destinationID: String, _ recipient: String) -> String? = { _, _ in nil },
        repair: @escaping @Sendable (_ channel: ChannelID, _ incident: Int64) -> String?
    ) {
        self.repair = repair
        self.overview = overview
        self.mute = mute
    }

    package static let none = MessageLinks { _, _ in nil }
}
