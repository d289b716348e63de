package import Domain
package import FoundationEssentials
import Synchronization

/// An SMTP server on loopback that keeps what it is given.
package final class MailSink: Sendable {
    /// User and password of AUTH PLAIN and LOGIN.
    package struct Login: Sendable {
        package var user: String
        package var password: Secret

        package init(user: String, password: Secret) {
            self.user = user
            self.password = password
        }
    }

    /// The command that a refusal answers.
    package enum Stage: Sendable, Equatable {
        case greeting, mailFrom, recipient, message
    }

    private let server = LoopbackServer()
    private let log: SinkLog
    private let login: Login?
    private let requestedPort: UInt16
    private let refusalStage = Mutex(Stage.message)

    /// - Parameters:
    ///   - login: demanded before MAIL; nil: anyone may send.
    ///   - printer: is handed a few lines for each mail.
    package init(
        login: Login? = nil, port: UInt16 = 0, printer: (@Sendable (String) -> Void)? = nil,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        log = SinkLog(printer: printer, now: now)
        self.login = login
        requestedPort = port
    }

    package var port: Int { server.port }
    /// `smtp://127.0.0.1:<port>?tls=none`, with the login when there is one.
    package var url: Secret {
        let user = login.map { "\(percentEncoded($0.user)):\(percentEncoded($0.password.reveal()))@" } ?? ""
        return Secret("smtp://\(user)127.0.0.1:\(port)?tls=none")
    }
    /// The last 1,000 mails that were accepted.
    package var messages: [SinkMessage] { log.messages }
    package var received: Int { log.received }
    /// Times the refused command, or a message, was reached.
    package var attempts: Int { log.attempts }

    /// Mails from now on.
    package func stream() -> AsyncStream<SinkMessage> { log.stream() }

    /// Answers the next `times` commands of a stage (nil: all) with a 4yz or 5yz reply.
    package func refuse(_ refusal: SinkRefusal, at stage: Stage = .message, times: Int? = 1) {
        refusalStage.withLock { $0 = stage }
        log.refuse(refusal, times: times)
    }

    /// Ends a refusal.
    package func accept() { log.accept() }

    package func start() async throws(SandboxError) { try await server.start(port: requestedPort) }

    package func run() async throws(SandboxError) {
        defer { log.finish() }
        try await server.run { [self] connection in
            var session = SMTPSession(connection: connection, sink: self)
            try await session.serve()
        }
    }

    package func stop() { server.stop() }

    func refusal(at stage: Stage) -> SinkRefusal? {
        guard refusalStage.withLock({ $0 == stage }) else { return nil }
        return log.takeRefusal()
    }

    var demandsLogin: Bool { login != nil }

    func admits(user: String, password: String) -> Bool {
        guard let login else { return true }
        return login.user == user && login.password == Secret(password)
    }

    func record(_ mail: [UInt8], recipients: [String]) {
        let parsed = MailText(mail)
        log.record(
            SinkMessage(
                transport: .email, recipient: recipients.joined(separator: ", "),
                title: parsed.header("subject").map(MailText.decodedWords) ?? "", text: parsed.text,
                link: SinkMessage.firstLink(in: parsed.text), receivedAt: log.now(), headers: parsed.headers, raw: mail,
                isSigned: nil))
    }
}
