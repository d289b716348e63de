package import Domain
package import Sealing

/// A link that lets its holder repair one channel while one incident is open (PROTOCOL §8.1).
///
/// The text is `kid.incident.channel.mac`, base64url where needed; it holds no secret and grants nothing but a page.
package struct RepairLink: Sendable, Equatable {
    package var incidentID: Int64
    package var channelID: ChannelID

    package init(incidentID: Int64, channelID: ChannelID) {
        self.incidentID = incidentID
        self.channelID = channelID
    }

    private static let purpose = "reauthorize"

    /// The last path segment of `/reauthorize/…`, signed with the ring's first key.
    package func text(signedWith ring: KeyRing) -> String {
        let code = ring.linkCode(purpose: Self.purpose, incident: "\(incidentID)", channel: channelID.rawValue)
        return [
            code.kid, "\(incidentID)", Base64URL.text(Array(channelID.rawValue.utf8)), Base64URL.text(code.bytes),
        ].joined(separator: ".")
    }

    /// The link of a text, if one of the ring's keys made it.
    package init?(text: String, signedWith ring: KeyRing) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard text.utf8.count <= 1024, parts.count == 4, let incident = Int64(parts[1]),
            let channel = Base64URL.bytes(parts[2]), let name = String(validating: channel, as: UTF8.self),
            let code = Base64URL.bytes(parts[3]),
            ring.isValid(
                LinkCode(kid: String(parts[0]), bytes: code), purpose: Self.purpose, incident: "\(incident)",
                channel: name)
        else { return nil }
        self.init(incidentID: incident, channelID: ChannelID(rawValue: name))
    }
}
