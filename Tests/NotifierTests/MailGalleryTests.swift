import Domain
import Foundation
import Templates
import Testing

@testable import Notifier

/// Mails as their readers see them; `make screenshots` takes the pictures from here.
@Suite("Every mail")
struct MailGalleryTests {
    private func keep(_ name: String, _ html: String) throws {
        guard let directory = ProcessInfo.processInfo.environment["PAGES_DIRECTORY"] else { return }
        try Data(html.utf8).write(to: URL(filePath: "\(directory)/mail-\(name).html"))
    }

    @Test func `each kind and type in English, one of each in every language`() throws {
        var scenes: [(name: String, message: RelayMessage, language: String)] = []
        for type in MessageType.allCases {
            let message = SampleMessage.message(kind: .opened, type: type, channels: 3)
            guard message.type == type else { continue }
            scenes.append((type.rawValue.split(separator: ".").joined(separator: "-"), message, "en"))
        }
        for kind in [MessageKind.reminder, .escalated, .recovered, .test] {
            scenes.append((kind.rawValue, SampleMessage.message(kind: kind), "en"))
        }
        scenes.append(("many", SampleMessage.message(kind: .opened, channels: 1_234), "en"))
        scenes += MessageTemplates.languages.dropFirst().map {
            ("opened-\($0)", SampleMessage.message(kind: .opened, type: .channelExpiring), $0)
        }
        for (name, message, language) in scenes {
            let wording = try Sample.texts(language).words(
                message, at: message.since, muteLink: "https://tokens.example.com/unsubscribe/k1.sample")
            let html = try wording.body(.html, listing: name == "many" ? 8 : 100)
            #expect(html.hasPrefix("<!DOCTYPE html>") && !html.contains("{{") && !html.contains("<script"))
            #expect(html.contains("<html lang=\"\(language)\">"))
            try keep(name.replacing("_", with: "-"), html)
        }
    }
}
