import Domain
import FoundationEssentials
import Testing

@testable import Notifier

@Suite struct MailTests {
    private func mail(_ message: RelayMessage, language: String = "en") throws -> String {
        let transport = MailTransport(mail: FakeMail(), texts: try Sample.texts(language))
        let bytes = try transport.render(message, Sample.envelope(.email), Sample.configuration(.email))
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `a mail has the headers of an automatic message in a thread`() throws {
        let text = try mail(Sample.message())
        for header in [
            "From: Tokenward <alerts@tokenward.example>", "To: <admin@example.org>",
            "Subject: Re-authorize Bakery 1 (tiktok)", "Date: Thu, 28 May 2026 20:26:40 +0000",
            "Message-ID: <msg_1@tokenward.example>", "In-Reply-To: <incident-7@tokenward.example>",
            "References: <incident-7@tokenward.example>", "Auto-Submitted: auto-generated", "MIME-Version: 1.0",
        ] {
            #expect(text.contains("\r\n" + header + "\r\n") || text.hasPrefix(header + "\r\n"))
        }
        #expect(text.contains("text/plain"))
        #expect(text.contains("text/html"))
    }

    @Test func `lines end in CRLF and are short and ASCII`() throws {
        let text = try mail(
            Sample.message(channels: (0..<100).map { Sample.channel($0, name: "Пекарня «Ё» \($0) 🍞") }))
        let bytes = Array(text.utf8)
        for (index, byte) in bytes.enumerated() {
            if byte == 0x0A { #expect(bytes[index - 1] == 0x0D) }
            if byte == 0x0D { #expect(bytes[index + 1] == 0x0A) }
        }
        #expect(bytes.allSatisfy { $0 < 0x7F })
        #expect(text.split(separator: "\r\n").allSatisfy { $0.utf8.count <= 78 })
    }

    @Test(arguments: [
        "x\r\nBcc: thief@evil.example", "x\nBcc: thief@evil.example", "x\r\n\r\n<html>", "x\u{2028}Bcc: y",
    ])
    func `a name adds no header`(_ name: String) throws {
        let text = try mail(Sample.message(channels: [Sample.channel(1, name: name)], message: name))
        let header = text.components(upTo: "\r\n\r\n")
        #expect(!header.lowercased().contains("\r\nbcc:"))
        #expect(!text.contains("\nBcc"))
    }

    @Test func `HTML of others is text`() throws {
        let text = try mail(
            Sample.message(
                channels: [Sample.channel(1, name: "<script>alert(1)</script>")], message: "\" onmouseover=\"x"))
        let html = text.components(after: "text/html").replacing("=\r\n", with: "")
        #expect(!html.contains("<script"))
        #expect(html.contains("&lt;script&gt;"))
        #expect(html.contains("&quot; onmouseover"))
    }

    @Test func `each part ends where the boundary says`() throws {
        let text = try mail(Sample.message())
        let boundary = "--=_tokenward_msg1"
        #expect(text.components(separatedBy: "\r\n" + boundary).count == 4)
        #expect(text.hasSuffix(boundary + "--\r\n"))
    }

    @Test(arguments: [
        ("admin@example.org", "", "admin@example.org"), ("Ann <a.b+c@x-y.example>", "Ann", "a.b+c@x-y.example"),
        ("\"Ann B\" <a@b>", "Ann B", "a@b"),
    ])
    func `addresses are read`(_ text: String, _ name: String, _ address: String) throws {
        let parsed = try MailAddress(parsing: text)
        #expect(parsed.name == name)
        #expect(parsed.address == address)
    }

    @Test(arguments: [
        "", "admin", "@example.org", "a@", "a@b@c", "a b@c", "a@b\r\nRCPT TO:<x@y>", "a@b\0", "<a@b>x", "a@b>",
        "\"a b\"@c", "ä@b", ".a@b", "a.@b", "a..b@c", "a@-b", "a@b.", "a@[127.0.0.1]", "a,b@c", "a@b,c@d",
    ])
    func `addresses that could say more than an address are refused`(_ text: String) {
        #expect(throws: DestinationError.address) { try MailAddress(parsing: text) }
    }

    @Test(
        arguments: [
            (MailEnd.accepted(code: 250), AttemptEnd.Verdict.accepted, true),
            (.refused(code: 421, message: "busy"), .retry(after: .seconds(300)), false),
            (.refused(code: 450, message: "greylisted"), .retry(after: .seconds(300)), false),
            (.refused(code: 452, message: ""), .retry(after: .seconds(300)), false),
            (.refused(code: 0, message: ""), .retry(after: .seconds(300)), false),
            (.refused(code: 550, message: "no such user"), .permanent(degrades: false), false),
            (.refused(code: 554, message: ""), .permanent(degrades: false), false),
            (.refused(code: 535, message: ""), .permanent(degrades: true), false),
            (.notAuthenticated(message: ""), .permanent(degrades: true), false),
            (.notSent(message: "no route"), .retry(), false),
            (.lost(message: "reset"), .retry(), true),
        ] as [(MailEnd, AttemptEnd.Verdict, Bool)])
    func `a reply code decides`(_ end: MailEnd, _ verdict: AttemptEnd.Verdict, _ maybeArrived: Bool) {
        let judged = MailTransport.judge(end, Redaction(Sample.configuration(.email)))
        #expect(judged.verdict == verdict)
        #expect(judged.maybeArrived == maybeArrived)
    }

    @Test(arguments: [
        ("plain", "plain"), ("a = b", "a =3D b"), ("é", "=C3=A9"), ("end ", "end=20"), ("a\nb", "a\r\nb"),
        ("a\r\nb", "a\r\nb"), (".", "."),
    ])
    func `quoted-printable`(_ text: String, _ expected: String) {
        #expect(MailEncoding.quotedPrintable(text) == expected)
    }

    @Test func `a long line breaks softly at 76`() {
        let lines = MailEncoding.quotedPrintable(String(repeating: "é", count: 100)).split(separator: "\r\n")
        #expect(lines.allSatisfy { $0.count <= 76 })
        #expect(lines.dropLast().allSatisfy { $0.hasSuffix("=") })
    }

    @Test(arguments: [
        ("Hello", "Subject: Hello"), ("Ё", "Subject: =?UTF-8?B?0IE=?="), ("=?x", "Subject: =?UTF-8?B?PT94?="),
        ("a\r\nb", "Subject: =?UTF-8?B?YSAgYg==?="),
    ])
    func `a subject is encoded when it is not plain`(_ text: String, _ expected: String) {
        #expect(MailEncoding.header("Subject", text: text) == expected)
    }

    @Test func `a long subject is folded between words of 75`() {
        let header = MailEncoding.header("Subject", text: String(repeating: "Ж", count: 300))
        #expect(header.components(separatedBy: "\r\n").allSatisfy { $0.utf8.count <= 76 })
    }
}

extension String {
    fileprivate func components(upTo separator: String) -> String { components(separatedBy: separator)[0] }

    fileprivate func components(after separator: String) -> String {
        components(separatedBy: separator).dropFirst().joined(separator: separator)
    }

    fileprivate func components(separatedBy separator: String) -> [String] {
        split(separator: separator, omittingEmptySubsequences: false).map(String.init)
    }
}
