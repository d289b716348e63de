package import Domain
import FoundationEssentials
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
            code.kid, "\(incidentID)", Self.base64URL(Array(channelID.rawValue.utf8)), Self.base64URL(code.bytes),
        ].joined(separator: ".")
    }

    /// The link of a text, if one of the ring's keys made it.
    package init?(text: String, signedWith ring: KeyRing) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard text.utf8.count <= 1024, parts.count == 4, let incident = Int64(parts[1]),
            let channel = Self.bytes(base64URL: parts[2]), let name = String(validating: channel, as: UTF8.self),
            let code = Self.bytes(base64URL: parts[3]),
            ring.isValid(
                LinkCode(kid: String(parts[0]), bytes: code), purpose: Self.purpose, incident: "\(incident)",
                channel: name)
        else { return nil }
        self.init(incidentID: incident, channelID: ChannelID(rawValue: name))
    }

    private static func base64URL(_ bytes: [UInt8]) -> String {
        String(
            Data(bytes).base64EncodedString().compactMap { character -> Character? in
                switch character {
                case "+": "-"
                case "/": "_"
                case "=": nil
                default: character
                }
            })
    }

    private static func bytes(base64URL text: Substring) -> [UInt8]? {
        var base64 = String(text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 })
        base64 += String(repeating: "=", count: (4 - base64.count % 4) % 4)
        // One text for one value: leftover bits that carry nothing are refused.
        guard let bytes = Data(base64Encoded: base64).map(Array.init), base64URL(bytes) == text else { return nil }
        return bytes
    }
}
