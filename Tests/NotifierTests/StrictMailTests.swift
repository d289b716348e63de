import Domain
import Foundation
import Subprocess
import Templates
import Testing

@testable import Notifier

/// Mails of every kind, type and language, read by a parser that forgives nothing (`email.policy.strict`).
@Suite("Mails, strictly read") struct StrictMailTests {
    private struct Parsed: Decodable {
        struct Part: Decodable {
            var type: String
            var charset: String?
            var text: String?
        }
        var subject: String
        var messageID: String
        var headers: [[String]]
        var parts: [Part]

        func header(_ name: String) -> [String] {
            headers.filter { $0[0].lowercased() == name.lowercased() }.map { $0[1] }
        }
    }

    private func parse(_ mails: [String]) async throws -> [Parsed] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardizedFileURL
            .path
        let folder = FileManager.default.temporaryDirectory.appending(path: "mails-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var paths: [String] = []
        for (index, mail) in mails.enumerated() {
            let file = folder.appending(path: "\(index).eml")
            try Data(mail.utf8).write(to: file)
            paths.append(file.path)
        }
        let result = try await Subprocess.run(
            .name("python3"), arguments: Arguments([root + "/Tests/Peers/parse_mail.py"] + paths),
            output: .string(limit: 32 << 20), error: .string(limit: 1 << 20))
        #expect(result.terminationStatus.isSuccess, "\(result.standardError)")
        return try JSONDecoder().decode([Parsed].self, from: Data(result.standardOutput.utf8))
    }

    @Test(arguments: MessageTemplates.languages)
    func `every kind and type is well-formed`(_ language: String) async throws {
        let preview = MessagePreview(templates: try MessageTemplates.load())
        var orders: [MessagePreview.Order] = []
        for kind in MessageKind.allCases {
            for type in MessageType.allCases {
                let order = MessagePreview.Order(
                    kind: kind, type: type, language: language,
                    channels: kind == .opened && type == .channelExpiring ? 150 : 3)
                if kind == .opened || preview.message(order).type == type || type == .channelReauthorizationRequired {
                    orders.append(order)
                }
            }
        }
        let mails = try await parse(orders.map { try preview.mail($0) })
        #expect(mails.count == orders.count)
        for (mail, order) in zip(mails, orders) {
            let subject = try preview.text(.subject, order)
            #expect(mail.subject == subject)
            #expect(mail.parts.map(\.type) == ["text/plain", "text/html"])
            #expect(mail.parts.allSatisfy { $0.charset == "utf-8" })
            let text = try #require(mail.parts[0].text).replacing("\r\n", with: "\n")
            let lines = try preview.text(.text, order).split(separator: "\n")
            #expect(text.split(separator: "\n") == lines)
            #expect(
                mail.header("list-unsubscribe") == ["<https://tokens.example.com/unsubscribe/k1.sample.sample.sample>"])
            #expect(mail.header("list-unsubscribe-post") == ["List-Unsubscribe=One-Click"])
            #expect(mail.header("references") == mail.header("in-reply-to"))
            #expect(mail.header("references").isEmpty == (order.kind == .test))
            #expect(mail.header("auto-submitted") == ["auto-generated"])
        }
    }

    /// Header injection by every value that comes from others or from people.
    @Test func `no value adds a header or a part`() async throws {
        let attacks = [
            "x\r\nBcc: thief@evil.example", "x\nBcc: y", "x\r\n\r\n--=_tokenward_msg1--\r\nBcc: y", "x\u{2028}Bcc: y",
            "x\u{85}Bcc: y", "=?utf-8?q?x=0D=0ABcc:_y?=", "x\u{0}\u{1}\u{7F}y", "\u{202E}gro.live", "x\r\n Bcc: y",
            String(repeating: "long ", count: 500), "\"<@,;:\\", "👩‍👩‍👧‍👦 " + String(repeating: "ж", count: 300),
        ]
        let transport = MailTransport(mail: FakeMail(), texts: try Sample.texts(), links: Sample.links)
        var mails: [String] = []
        for attack in attacks {
            var message = Sample.message(channels: [Sample.channel(1, name: attack)], message: attack)
            message.provider = attack
            message.reason = attack
            message.channels[0].tenantID = attack
            message.channels[0].userID = attack
            message.channels[0].id = attack
            let content = try transport.render(message, Sample.envelope(.email), Sample.configuration(.email))
            mails.append(String(decoding: content, as: UTF8.self))
        }
        let names = [
            "from", "to", "subject", "date", "message-id", "in-reply-to", "references", "list-unsubscribe",
            "list-unsubscribe-post", "auto-submitted", "x-auto-response-suppress", "mime-version", "content-type",
        ]
        for (mail, attack) in zip(try await parse(mails), attacks) {
            #expect(mail.headers.map { $0[0].lowercased() } == names, "\(attack)")
            #expect(mail.parts.count == 2)
            #expect(mail.subject.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control })
        }
    }

    @Test(arguments: ["https://t.example/a>\r\nBcc: x", "https://t.example/ö", "https://t.example/a b"])
    func `a link that could break its header is left out`(_ link: String) throws {
        let transport = MailTransport(
            mail: FakeMail(), texts: try Sample.texts(), links: MessageLinks(mute: { _, _ in link }) { _, _ in nil })
        let content = try transport.render(Sample.message(), Sample.envelope(.email), Sample.configuration(.email))
        let head = String(decoding: content, as: UTF8.self).split(separator: "\r\n\r\n")[0]
        #expect(!head.contains("List-Unsubscribe"))
    }

    @Test func `one click needs https`() throws {
        let transport = MailTransport(
            mail: FakeMail(), texts: try Sample.texts(),
            links: MessageLinks(mute: { _, _ in "http://127.0.0.1:8080/unsubscribe/x" }) { _, _ in nil })
        let content = try transport.render(Sample.message(), Sample.envelope(.email), Sample.configuration(.email))
        let head = String(decoding: content, as: UTF8.self).split(separator: "\r\n\r\n")[0]
        #expect(head.contains("List-Unsubscribe: <http://127.0.0.1:8080/unsubscribe/x>"))
        #expect(!head.contains("List-Unsubscribe-Post"))
    }

    @Test func `reminder, escalation and end answer the incident's root under ids of their own`() throws {
        let transport = MailTransport(mail: FakeMail(), texts: try Sample.texts(), links: Sample.links)
        var ids: Set<String> = []
        for kind in [MessageKind.opened, .reminder, .escalated, .recovered] {
            var envelope = Sample.envelope(.email, kind)
            envelope.deliveryID = "msg_\(kind.rawValue)"
            let content = try transport.render(Sample.message(kind), envelope, Sample.configuration(.email))
            let again = try transport.render(Sample.message(kind), envelope, Sample.configuration(.email))
            #expect(content == again)
            let lines = String(decoding: content, as: UTF8.self).split(separator: "\r\n").map(String.init)
            #expect(lines.contains("References: <incident-7@tokenward.example>"))
            #expect(lines.contains("In-Reply-To: <incident-7@tokenward.example>"))
            ids.insert(lines.first { $0.hasPrefix("Message-ID:") } ?? "")
        }
        #expect(ids.count == 4)
    }
}
