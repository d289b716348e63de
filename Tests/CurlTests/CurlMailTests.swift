import Curl
import Testing

@Suite(.timeLimit(.minutes(1))) struct CurlMailTests {
    /// How a mail fares with a server that plays `script`, and what that saw.
    private func send(
        _ script: MailScript = MailScript(), credentials: String = "", suffix: String = "?tls=none",
        edit: @Sendable (inout CurlMail) -> Void = { _ in }
    ) async throws -> (outcome: CurlMailOutcome, seen: [String]) {
        let seen = Sightings<String>()
        var mail = CurlMail(
            serverURL: "", sender: "from@example.com", recipient: "to@example.com",
            message: Array("Subject: hi\r\n\r\n.one\r\ntwo\r\n".utf8), totalTimeout: .seconds(10))
        edit(&mail)
        let template = mail
        return try await withPeer { wire in
            try await script.play(wire, seen)
        } body: { port in
            var mail = template
            mail.serverURL = "smtp://\(credentials)127.0.0.1:\(port)\(suffix)"
            let outcome = try await withClient { client in await client.sendMail(mail) }
            return (outcome, seen.all)
        }
    }

    @Test func `a mail goes out as it should`() async throws {
        let (outcome, seen) = try await send(
            credentials: "user%40example.com:p%3A%2Fss@", suffix: "/ehlo.name?tls=none")
        #expect(outcome == .accepted(code: 250))
        #expect(
            seen.prefix(7) == [
                "EHLO ehlo.name", "AUTH PLAIN", "AHVzZXJAZXhhbXBsZS5jb20AcDovc3M=", "MAIL FROM:<from@example.com>",
                "RCPT TO:<to@example.com>", "DATA", "Subject: hi\n\n..one\ntwo",
            ])
    }

    @Test(arguments: [
        (MailScript(greeting: "554 not today"), CurlMailOutcome.refused(code: 554, message: "not today")),
        (MailScript(greeting: "421 busy"), .refused(code: 421, message: "busy")),
        (MailScript(hello: "502 no", oldHello: "550 no helo"), .refused(code: 550, message: "no helo")),
        (MailScript(authentication: "454 later"), .refused(code: 454, message: "later")),
        (MailScript(sender: "451 greylisted"), .refused(code: 451, message: "greylisted")),
        (MailScript(sender: "553 not yours"), .refused(code: 553, message: "not yours")),
        (MailScript(recipient: "450 mailbox busy"), .refused(code: 450, message: "mailbox busy")),
        (MailScript(recipient: "550-no such\r\n550 mailbox"), .refused(code: 550, message: "no such mailbox")),
        (MailScript(data: "554 no valid recipients"), .refused(code: 554, message: "no valid recipients")),
        (MailScript(data: "452 full"), .refused(code: 452, message: "full")),
        (MailScript(message: "451 try later"), .refused(code: 451, message: "try later")),
        (MailScript(message: "552 too large"), .refused(code: 552, message: "too large")),
        (MailScript(message: "250 2.0.0 taken"), .accepted(code: 250)),
    ])
    func `a reply code decides`(script: MailScript, outcome: CurlMailOutcome) async throws {
        #expect(try await send(script, credentials: "user:word@").outcome == outcome)
    }

    /// Which step a server may refuse at, greeting to message.
    private static let steps: [@Sendable (String) -> MailScript] = [
        { MailScript(greeting: $0) }, { MailScript(sender: $0) }, { MailScript(recipient: $0) },
        { MailScript(data: $0) },
        { MailScript(message: $0) },
    ]

    @Test(arguments: [421, 450, 451, 452, 454, 530, 535, 550, 551, 552, 553, 554])
    func `each code is told at each step`(code: Int) async throws {
        for step in Self.steps {
            let outcome = try await send(step("\(code) 4.5.6 because")).outcome
            #expect(outcome == .refused(code: code, message: "4.5.6 because"))
        }
        let login = try await send(MailScript(authentication: "\(code) no"), credentials: "user:word@").outcome
        if code < 500 {
            #expect(login == .refused(code: code, message: "no"))
        } else {
            guard case .notAuthenticated = login else { return #expect(Bool(false), "\(login)") }
        }
    }

    @Test(arguments: [
        MailScript(authentication: "535 5.7.8 no"), MailScript(hello: "250-test\r\n250 AUTH GSSAPI NTLM CRAM-MD5"),
    ])
    func `wrong credentials are told apart`(script: MailScript) async throws {
        let outcome = try await send(script, credentials: "user:word@").outcome
        guard case .notAuthenticated = outcome else { return #expect(Bool(false), "\(outcome)") }
    }

    @Test(arguments: [
        MailScript(greeting: nil), MailScript(hello: nil), MailScript(sender: nil), MailScript(recipient: nil),
        MailScript(data: nil),
    ])
    func `a connection that ends before the message was not sent`(script: MailScript) async throws {
        let outcome = try await send(script).outcome
        guard case .notSent = outcome else { return #expect(Bool(false), "\(outcome)") }
    }

    @Test func `a connection that ends after the message is lost`() async throws {
        let outcome = try await send(MailScript(message: nil)).outcome
        guard case .lost = outcome else { return #expect(Bool(false), "\(outcome)") }
    }

    @Test func `no reply to the message within the limit is lost`() async throws {
        let (outcome, seen) = try await send(MailScript(isSilentAfterMessage: true)) {
            $0.totalTimeout = .seconds(2)
        }
        guard case .lost = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(seen.contains("Subject: hi\n\n..one\ntwo"))
    }

    @Test func `without STARTTLS nothing is said`() async throws {
        let (outcome, seen) = try await send(credentials: "user:word@", suffix: "")
        guard case .notSent(let message) = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(message.contains("STARTTLS"))
        #expect(seen.allSatisfy { $0.hasPrefix("EHLO") || $0 == "QUIT" })
    }

    @Test func `a reply that repeats the credentials is shown without them`() async throws {
        let script = MailScript(recipient: "550 user-name and pass-word and cGFzcy13b3Jk\u{7} are known")
        let (outcome, _) = try await send(script, credentials: "user-name:pass-word@")
        #expect(
            outcome == .refused(code: 550, message: "<redacted> and <redacted> and <redacted> are known"))
    }

    @Test(arguments: [
        "to@example.com>\r\nRCPT TO:<other@example.com", "to@example.com\n", "to@exam\0ple.com", "<to@example.com>",
        "to",
        "@example.com", "to@", "", "a b@example.com", "to@example.com\u{85}",
    ])
    func `no command hides in an address`(address: String) async throws {
        #expect(!CurlMail.isEnvelopeAddress(address))
        for path in [\CurlMail.recipient, \CurlMail.sender] as [WritableKeyPath<CurlMail, String> & Sendable] {
            let (outcome, seen) = try await send { $0[keyPath: path] = address }
            guard case .notSent = outcome else { return #expect(Bool(false), "\(outcome)") }
            #expect(seen.isEmpty)
        }
    }

    @Test(arguments: ["", "a\nb\r\n", "a\rb\r\n", "a\r\n\n.\r\nMAIL", "a\r"])
    func `a message with other line ends than CR LF is refused`(text: String) async throws {
        let (outcome, seen) = try await send { $0.message = Array(text.utf8) }
        guard case .notSent = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(seen.isEmpty)
    }

    @Test func `private servers are reached when allowed, unencrypted only loopback`() async throws {
        let client = try CurlClient()
        for url in ["smtps://127.0.0.1", "smtp://127.0.0.1:25?tls=none", "smtp://10.0.0.1"] {
            let mail = CurlMail(serverURL: url, sender: "a@b", recipient: "c@d", message: Array("x\r\n".utf8))
            guard case .notSent(let message) = await client.sendMail(mail) else {
                #expect(Bool(false), "\(url)")
                continue
            }
            #expect(message.contains("TOKENWARD_ALLOW_NETWORKS"))
        }
        await client.shutdown()
        let late = CurlMail(serverURL: "smtp://x", sender: "a@b", recipient: "c@d", message: Array("x\r\n".utf8))
        #expect(await client.sendMail(late) == .notSent(message: "This client has been shut down."))
    }

    @Test(
        arguments: [
            ("", .notAURL), ("mail.example.com", .notAURL), ("http://mail.example.com", .scheme),
            ("smtp://host?tls=off", .unknownQuery), ("smtps://host?tls=none", .unknownQuery),
            ("smtp://user@host", .halfCredentials), ("smtp://:word@host", .halfCredentials),
            ("smtp://host/a b", .notAURL), ("smtp://host/a%20b", .clientName), ("smtp://us%0d%0aer:x@host", .notAURL),
        ] as [(String, MailServerError)])
    func `a mail server's URL is checked`(url: String, error: MailServerError) {
        #expect(throws: error) { try MailServer(url) }
    }

    @Test func `ports and encryption follow the scheme`() throws {
        #expect(try MailServer("smtp://host").port == 587)
        #expect(try MailServer("smtp://host").encryption == .required)
        #expect(try MailServer("smtps://u:p@host").port == 465)
        #expect(try MailServer("smtps://u:p@host").encryption == .implicit)
        #expect(try MailServer("smtp://host:2525?tls=none").encryption == .none)
        #expect("\(try MailServer("smtp://user:word@host:25"))" == "host:25")
    }
}
