/// One mail to one recipient.
///
/// Prints nothing of itself.
package struct CurlMail: Sendable {
    /// The server as ``MailServer`` reads it: `smtp://user:password@host:587` (STARTTLS required), `smtps://…`, or
    /// `smtp://…?tls=none` for loopback addresses in allowed networks.
    package var serverURL: String
    /// Envelope addresses without angle brackets.
    package var sender: String
    package var recipient: String
    /// Header and body with CRLF line ends; dots are doubled and the end is marked here.
    package var message: [UInt8]
    package var connectTimeout: Duration
    /// From the start of the transfer to the reply after the message.
    ///
    /// A server that refuses and then does not answer QUIT may take as long again.
    package var totalTimeout: Duration

    package init(
        serverURL: String, sender: String, recipient: String, message: [UInt8],
        connectTimeout: Duration = .seconds(10), totalTimeout: Duration = .seconds(60)
    ) {
        self.serverURL = serverURL
        self.sender = sender
        self.recipient = recipient
        self.message = message
        self.connectTimeout = connectTimeout
        self.totalTimeout = totalTimeout
    }
}

extension CurlMail: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "mail <redacted>" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// How a mail transfer ended.
///
/// Messages name neither the server's URL nor user nor password.
package enum CurlMailOutcome: Sendable, Equatable {
    /// The server took the message; `code` is its reply to it (250).
    case accepted(code: Int)
    /// The server said no: to the greeting, EHLO, MAIL, RCPT, DATA or the message. 4yz may pass later, 5yz will not.
    case refused(code: Int, message: String)
    /// The server takes neither this user and password nor any method of authentication that we know.
    case notAuthenticated(message: String)
    /// The server cannot have taken the message: no connection, no TLS, or the connection ended before the message did.
    case notSent(message: String)
    /// The whole message was sent and no reply came: it may have been taken. Repeat it with the same Message-ID only.
    case lost(message: String)
}

extension CurlMail {
    /// What makes the mail impossible to send as it stands; nil when nothing does.
    var defect: String? {
        guard Self.isEnvelopeAddress(sender) else { return "The sender is no plain mail address." }
        guard Self.isEnvelopeAddress(recipient) else { return "The recipient is no plain mail address." }
        guard !message.isEmpty else { return "The message is empty." }
        return hasBareLineEnd ? "The message has a line end that is not CR LF." : nil
    }

    /// Whether `address` may stand in an SMTP command: `local@domain`, no controls, white space or angle brackets.
    package static func isEnvelopeAddress(_ address: String) -> Bool {
        guard (3...254).contains(address.utf8.count),
            !address.utf8.contains(where: {
                $0 <= 0x20 || $0 == 0x7f || $0 == UInt8(ascii: "<") || $0 == UInt8(ascii: ">")
            }),
            !address.unicodeScalars.contains(where: {
                $0.properties.isWhitespace || $0.properties.generalCategory == .control
            }),
            let at = address.lastIndex(of: "@")
        else { return false }
        return at != address.startIndex && address.index(after: at) != address.endIndex
    }

    private var hasBareLineEnd: Bool {
        let (carriageReturn, lineFeed) = (UInt8(ascii: "\r"), UInt8(ascii: "\n"))
        var previous: UInt8 = 0
        for byte in message {
            if (byte == lineFeed) != (previous == carriageReturn) { return true }
            previous = byte
        }
        return previous == carriageReturn
    }
}
