package import Domain
package import FoundationEssentials
package import Sealing

/// A sealed link that is not of an incident: to connect a new channel, or to authorize a channel that is not in warning.
///
/// The authority is that of the API's caller who asked for it; it ends with its time, or when it was used.
package struct Ticket: Codable, Sendable, Equatable {
    package static let lifetime: TimeInterval = 86_400
    /// So that a flow's cookie, which holds the link, stays small.
    package static let textBytesMax = 1400

    package var channel: String
    package var tenant: String
    package var user: String?
    package var provider: String
    package var name: String?
    package var params: [String: String]
    /// The grant that is replaced; nil connects.
    package var grant: Int64?
    package var actor: String
    package var expiresAt: Date

    package init(
        channel: ChannelID, tenant: String, user: String?, provider: String, name: String?,
        params: [String: String], grant: Int64?, actor: String, expiresAt: Date
    ) {
        self.channel = channel.rawValue
        self.tenant = tenant
        self.user = user
        self.provider = provider
        self.name = name
        self.params = params
        self.grant = grant
        self.actor = actor
        self.expiresAt = expiresAt
    }

    package var channelID: ChannelID { ChannelID(rawValue: channel) }

    private static let sealID = "ticket"

    package func text(sealedWith ring: KeyRing) throws -> String {
        try ring.sealedText(self, kind: .link, id: Self.sealID)
    }

    package init?(text: String, sealedWith ring: KeyRing) {
        guard let ticket = ring.opened(text, as: Ticket.self, kind: .link, id: Self.sealID) else { return nil }
        self = ticket
    }
}
