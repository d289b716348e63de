package import Domain
package import FoundationEssentials
package import Sealing

/// The addresses of the pages that mend and connect channels.
package struct RepairLinks: Sendable {
    let incidents: any RelayDirectory
    let authorizations: any AuthorizationStore
    let ring: KeyRing
    package let publicURL: String

    package init(
        incidents: any RelayDirectory, authorizations: any AuthorizationStore, ring: KeyRing, publicURL: String
    ) {
        self.incidents = incidents
        self.authorizations = authorizations
        self.ring = ring
        self.publicURL = publicURL
    }

    /// The URL for a channel under an incident.
    package func url(of channel: ChannelID, incident: Int64) -> String {
        publicURL + "/reauthorize/" + RepairLink(incidentID: incident, channelID: channel).text(signedWith: ring)
    }

    /// The URL of a channel's gravest open incident; nil when it has none.
    package func url(of channel: ChannelID) async throws -> String? {
        guard let incident = try await incidents.openIncident(of: channel) else { return nil }
        return url(of: channel, incident: incident.id)
    }

    /// A URL for a channel whatever its state: its incident's, or one for this grant and a day.
    ///
    /// - Returns: nil when the channel is disconnected; no end when the link lives as long as its incident.
    package func url(
        of channel: Channel, actor: String, now: Date = Date()
    ) async throws -> (url: String, expiresAt: Date?)? {
        if let url = try await url(of: channel.id) { return (url, nil) }
        guard let grant = try await authorizations.grantID(of: channel.id) else { return nil }
        let ticket = Ticket(
            channel: channel.id, tenant: channel.tenantID, user: nil, provider: channel.provider, name: nil,
            params: [:], grant: grant, actor: actor, expiresAt: now.addingTimeInterval(Ticket.lifetime))
        return (publicURL + "/reauthorize/" + (try ticket.text(sealedWith: ring)), ticket.expiresAt)
    }

    /// A URL that connects a new channel; nil when what it would carry is too long.
    package func connect(_ ticket: Ticket) throws -> String? {
        let text = try ticket.text(sealedWith: ring)
        return text.utf8.count <= Ticket.textBytesMax ? publicURL + "/connect/" + text : nil
    }
}
