/// Why a destination cannot be used as it is; never holds what was given.
package enum DestinationError: Error, Sendable, Equatable, CustomStringConvertible {
    case name
    case url
    case mailServer
    case address
    case recipients
    case secret
    case bot
    case type(String)
    /// The server's address is none that may be called; the guard's sentence, without the address.
    case refused(String)

    package var description: String {
        switch self {
        case .name:
            "A destination needs a name of 1 to 80 characters and an id of 1 to 80 letters, digits, `-`, `_` or `:`."
        case .url:
            "The destination's URL must be https:// with a host name and without user or fragment (http:// only to a loopback address)."
        case .mailServer:
            """
            The mail server must be smtp://user:password@host:587 or smtps://user:password@host:465; escape special \
            characters of user and password with %XX.
            """
        case .address:
            "A mail address is not usable: write user@host, or Name <user@host> for the sender."
        case .recipients:
            "An e-mail destination needs 1 to 50 recipients, the other kinds none."
        case .secret:
            "A webhook's secret must be whsec_ followed by base64 of 24 to 64 random bytes: leave it out to get one."
        case .refused(let sentence): sentence
        case .bot:
            """
            A Slack bot needs its token (xoxb-…) and a channel's id or #name, without spaces; the signing secret is the \
            app's, or left out.
            """
        case .type(let name):
            """
            There is no message type \(name.filter { $0.isASCII }.prefix(60)): use one of \
            \(MessageTypeNames.joined).
            """
        }
    }
}
