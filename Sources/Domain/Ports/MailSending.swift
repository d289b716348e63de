/// One mail to one recipient, ready for the wire.
package struct OutgoingMail: Sendable {
    package var sender: String
    package var recipient: String
    /// The whole message with CRLF line ends.
    package var message: [UInt8]

    package init(sender: String, recipient: String, message: [UInt8]) {
        self.sender = sender
        self.recipient = recipient
        self.message = message
    }
}

/// How a mail transfer ended.
package enum MailEnd: Sendable, Equatable {
    case accepted(code: Int)
    /// The server's last reply code, when there was one.
    case refused(code: Int, message: String)
    /// Wrong user or password.
    case notAuthenticated(message: String)
    /// Nothing left: resolve, connect, TLS.
    case notSent(message: String)
    /// The message was sent and no reply came.
    case lost(message: String)
}

/// Hands mails to an SMTP server.
///
/// `serverURL` is `smtp://user:pass@host:587[?tls=none]` or `smtps://…`.
package protocol MailSending: Sendable {
    func send(_ mail: OutgoingMail, through serverURL: Secret) async -> MailEnd
}
