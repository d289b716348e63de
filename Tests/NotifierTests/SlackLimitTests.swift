import Domain
import Foundation
import Sandbox
import Templates
import TestSupport
import Testing

@testable import Notifier

/// Every Slack message against the published limits, as the sandbox's Slack checks them.
@Suite("Slack's limits") struct SlackLimitTests {
    private func preview(_ language: String) throws -> MessagePreview {
        MessagePreview(templates: try MessageTemplates.load())
    }

    @Test(arguments: MessageTemplates.languages)
    func `every kind and type fits, from one channel to a hundred thousand`(_ language: String) throws {
        for type in MessageType.allCases {
            for kind in MessageKind.allCases {
                let preview = try preview(language)
                let isUsual = kind == .opened && type == .channelReauthorizationRequired
                for channels in isUsual ? [1, 2, 21, 100, 100_000] : [2] {
                    let body = try preview.slack(
                        .init(kind: kind, type: type, language: language, channels: channels))
                    let problems = SlackPayloadCheck.problems(in: Array(body.utf8))
                    #expect(problems.isEmpty, "\(type) \(kind) \(channels): \(problems)")
                }
            }
        }
    }

    @Test(arguments: [
        "", " ", String(repeating: "x", count: 5000), String(repeating: "&<>", count: 200),
        String(repeating: "👨‍👩‍👧‍👦", count: 200), "\u{202E}evil\u{0}", String(repeating: "e\u{301}", count: 300),
    ])
    func `hostile names fit, in every place`(_ name: String) throws {
        let link = "https://t.example/reauthorize/" + String(repeating: "x", count: 900)
        for count in [1, 20, 100] {
            let channels = (0..<count).map { Sample.channel($0, name: name, link: link) }
            let message = Sample.message(channels: channels, total: count * 3, message: name)
            let wording = try Sample.texts().words(message, at: Sample.date)
            let buttons = try SlackButtons.block(
                destinationID: String(repeating: "d", count: 80), deliveryID: String(repeating: "m", count: 100),
                wording: wording)
            let payload = try SlackPayload(title: wording.title, severity: .critical, kind: .opened, buttons: buttons) {
                listing throws(TemplateError) in
                try wording.body(.slack, listing: listing)
            }
            #expect(SlackPayloadCheck.problems(in: payload.body).isEmpty)
            #expect(payload.blocks.last == buttons)
        }
    }

    @Test func `a template of the operator's cannot break the limits`() throws {
        let templates = try MessageTemplates.load().replacing(
            "opened.slack", language: "en",
            with: (0..<60).map { "line \($0) " + String(repeating: "long ", count: 600) }.joined(separator: "\n\n"))
        let body = try MessagePreview(templates: templates).slack(.init(kind: .opened, language: "en"))
        #expect(SlackPayloadCheck.problems(in: Array(body.utf8)).isEmpty)
    }

    @Test func `labels are cut to what a button shows`() throws {
        let words = String(
            decoding: try #require(MessageTemplates.load().source("words.text", language: "en")), as: UTF8.self)
        let templates = try MessageTemplates.load().replacing(
            "words.text", language: "en",
            with: words.replacing("acknowledge: Acknowledge", with: "acknowledge: " + String(repeating: "A", count: 90))
        )
        let body = try MessagePreview(templates: templates).slack(.init(kind: .opened, language: "en"))
        #expect(SlackPayloadCheck.problems(in: Array(body.utf8)).isEmpty)
    }
}
