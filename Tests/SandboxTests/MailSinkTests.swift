import Domain
import FlyingSocks
import FoundationEssentials
import Testing

@testable import Sandbox

@Suite("Mail sink")
struct MailSinkTests {
    private static let mail = """
        From: Tokenward <tokenward@platform.test>\r
        To: boss@platform.test\r
        Subject: =?utf-8?B?8J+UlCBSZS1hdXRob3JpemU=?= =?utf-8?Q?_caf=C3=A9?=\r
        Message-ID: <d1@platform.test>\r
        MIME-Version: 1.0\r
        Content-Type: multipart/alternative; boundary="b1"\r
        \r
        --b1\r
        Content-Type: text/plain; charset=utf-8\r
        Content-Transfer-Encoding: quoted-printable\r
        \r
        caf=C3=A9 needs =\r
        you\r
        ..one dot\r
        http://127.0.0.1:1/reauthorize/x\r
        --b1\r
        Content-Type: text/html; charset=utf-8\r
        \r
        <p>no</p>\r
        --b1--\r
        .\r

        """

    private func withMail(_ sink: MailSink, _ body: @Sendable (RawClient) async throws -> Void) async throws {
        try await sink.start()
        async let running: Void = sink.run()
        let client = try await RawClient(port: sink.port)
        defer {
            client.close()
            sink.stop()
        }
        #expect(try await client.line() == "220 sandbox ESMTP")
        try await body(client)
        sink.stop()
        try await running
    }

    /// Sends a command and gives its last reply line.
    private static func say(_ client: RawClient, _ command: String) async throws -> String {
        try await client.send(command + "\r\n")
        var line = try await client.line()
        while line.dropFirst(3).first == "-" { line = try await client.line() }
        return line
    }

    private static func envelope(_ client: RawClient) async throws {
        #expect(try await say(client, "EHLO tokenward").hasPrefix("250"))
        #expect(try await say(client, "MAIL FROM:<tokenward@platform.test> SIZE=100").hasPrefix("250"))
        #expect(try await say(client, "RCPT TO:<boss@platform.test>").hasPrefix("250"))
        #expect(try await say(client, "DATA").hasPrefix("354"))
    }

    @Test func `a mail is unstuffed and read as a human would`() async throws {
        let sink = MailSink()
        try await withMail(sink) { client in
            try await Self.envelope(client)
            try await client.send(Self.mail)
            #expect(try await client.line().hasPrefix("250"))
            #expect(try await Self.say(client, "QUIT").hasPrefix("221"))
        }
        let message = try #require(sink.messages.first)
        #expect(message.recipient == "boss@platform.test")
        #expect(message.title == "🔔 Re-authorize café")
        #expect(message.text.hasPrefix("café needs you\n.one dot\n"))
        #expect(message.link == "http://127.0.0.1:1/reauthorize/x")
        #expect(message.header("Message-ID") == "<d1@platform.test>")
    }

    static let refusals: [(MailSink.Stage, Int)] = [
        (.mailFrom, 421), (.recipient, 550), (.recipient, 450), (.message, 451), (.message, 554),
    ]

    @Test(arguments: refusals)
    func `a refusal comes at its stage and only as often as asked`(_ stage: MailSink.Stage, _ code: Int) async throws {
        let sink = MailSink()
        try await withMail(sink) { client in
            sink.refuse(SinkRefusal(status: code), at: stage, times: 1)
            _ = try await Self.say(client, "EHLO tokenward")
            var replies = [try await Self.say(client, "MAIL FROM:<a@b>")]
            if stage != .mailFrom { replies.append(try await Self.say(client, "RCPT TO:<c@d>")) }
            if stage == .message {
                _ = try await Self.say(client, "DATA")
                replies.append(try await Self.say(client, "Subject: x\r\n\r\ny\r\n."))
            }
            #expect(replies.last?.hasPrefix("\(code) ") == true)
            _ = try await Self.say(client, "RSET")
            try await Self.envelope(client)
            #expect(try await Self.say(client, "Subject: x\r\n\r\ny\r\n.").hasPrefix("250"))
        }
        #expect(sink.received == 1)
    }

    @Test func `a login is demanded, by PLAIN or LOGIN`() async throws {
        let sink = MailSink(login: MailSink.Login(user: "relay", password: Secret("s3cret")))
        try await withMail(sink) { client in
            _ = try await Self.say(client, "EHLO tokenward")
            #expect(try await Self.say(client, "MAIL FROM:<a@b>").hasPrefix("530"))
            let wrong = Data("\0relay\0wrong".utf8).base64EncodedString()
            #expect(try await Self.say(client, "AUTH PLAIN \(wrong)").hasPrefix("535"))
            let right = Data("\0relay\0s3cret".utf8).base64EncodedString()
            #expect(try await Self.say(client, "AUTH PLAIN \(right)").hasPrefix("235"))
            #expect(try await Self.say(client, "MAIL FROM:<a@b>").hasPrefix("250"))

            let second = try await RawClient(port: sink.port)
            defer { second.close() }
            _ = try await second.line()
            #expect(try await Self.say(second, "AUTH LOGIN").hasPrefix("334"))
            #expect(try await Self.say(second, Data("relay".utf8).base64EncodedString()).hasPrefix("334"))
            #expect(try await Self.say(second, Data("s3cret".utf8).base64EncodedString()).hasPrefix("235"))
        }
    }

    @Test func `commands out of order or unknown are refused`() async throws {
        let dialogue = [
            ("RCPT TO:<a@b>", "503"), ("DATA", "503"), ("MAIL FROM:nonsense", "501"), ("STARTTLS", "454"),
            ("VRFY x", "502"),
        ]
        try await withMail(MailSink()) { client in
            for (command, code) in dialogue {
                let reply = try await Self.say(client, command)
                #expect(reply.hasPrefix(code))
            }
        }
    }
}
