import Domain
package import Sealing

/// A link in a mail that ends, and takes up again, one destination's mails to one address.
///
/// The text is `kid.destination.address.mac`; it holds no secret and grants nothing but this. It does not expire: an old
/// mail's link must work as well.
package struct MuteLink: Sendable, Equatable {
    package var destinationID: String
    package var recipient: String

    package init(destinationID: String, recipient: String) {
        self.destinationID = destinationID
        self.recipient = recipient
    }

    private static let purpose = "unsubscribe"

    /// The last path segment of `/unsubscribe/…`, signed with the ring's first key.
    package func text(signedWith ring: KeyRing) -> String {
        let code = ring.linkCode(purpose: Self.purpose, incident: destinationID, channel: recipient)
        return [
            code.kid, Base64URL.text(Array(destinationID.utf8)), Base64URL.text(Array(recipient.utf8)),
            Base64URL.text(code.bytes),
        ].joined(separator: ".")
    }

    /// The link of a text, if one of the ring's keys made it.
    package init?(text: String, signedWith ring: KeyRing) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard text.utf8.count <= 1024, parts.count == 4,
            let destination = Base64URL.bytes(parts[1]), let id = String(validating: destination, as: UTF8.self),
            let address = Base64URL.bytes(parts[2]), let recipient = String(validating: address, as: UTF8.self),
            let code = Base64URL.bytes(parts[3]),
            ring.isValid(
                LinkCode(kid: String(parts[0]), bytes: code), purpose: Self.purpose, incident: id, channel: recipient)
        else { return nil }
        self.init(destinationID: id, recipient: recipient)
    }
}
