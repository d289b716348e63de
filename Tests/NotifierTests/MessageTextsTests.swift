import Domain
import FoundationEssentials
import Templates
import Testing

@testable import Notifier

@Suite("Wording") struct MessageTextsTests {
    private func wording(
        _ message: RelayMessage, _ language: String = "en", at now: Date = SampleMessage.date
    ) throws -> MessageWording {
        try Sample.texts(language).words(message, at: now, muteLink: "https://t.example/unsubscribe/x")
    }

    private static let openTypes = MessageType.allCases.filter {
        ![.ping, .channelRecovered, .appRecovered, .providerRecovered].contains($0)
    }

    @Test(arguments: MessageTemplates.languages)
    func `each type and kind says something of its own`(_ language: String) throws {
        var titles: [String: String] = [:]
        for type in Self.openTypes {
            for kind in [MessageKind.opened, .reminder, .escalated, .recovered] {
                for channels in [1, 3] {
                    let message = SampleMessage.message(kind: kind, type: type, channels: channels)
                    let wording = try wording(message, language)
                    #expect(!wording.title.isEmpty && !wording.title.contains("{{"))
                    if channels == 1 {
                        let other = titles.updateValue("\(type) \(kind)", forKey: wording.title)
                        let isShared = kind == .recovered && type.rawValue.hasPrefix("channel.")
                        #expect(other == nil || isShared, "\(wording.title) is also \(other ?? "")")
                    }
                    for target in channels == 1 ? [TemplateTarget.text] : [.slack, .html] {
                        let body = try wording.body(target, listing: 20)
                        #expect(!body.contains("{{") && body.count > 15, "\(type) \(kind) \(target): \(body)")
                    }
                }
            }
        }
    }

    @Test(arguments: ["es", "ru", "vi"])
    func `nothing stays English`(_ language: String) throws {
        for type in Self.openTypes + [.ping] {
            for kind in MessageKind.allCases {
                var message = SampleMessage.message(kind: kind, type: type, channels: 6)
                message.message = nil
                let (own, english) = (try wording(message, language), try wording(message))
                // The platform's own news has the platform's own words.
                if message.type != .platformEvent || kind != .opened { #expect(own.title != english.title) }
                let lines = Set(try english.body(.text, listing: 5).split(separator: "\n"))
                let shared = try own.body(.text, listing: 5).split(separator: "\n").filter { line in
                    lines.contains(line) && line.contains { $0.isLetter }
                }
                #expect(shared.isEmpty, "\(type) \(kind) in \(language): \(shared)")
            }
        }
    }

    @Test func `every reason has its sentence in every language`() throws {
        var message = Sample.message()
        for language in MessageTemplates.languages {
            var sentences: Set<String> = []
            for reason in MessageVocabulary.reasons {
                message.reason = reason
                let body = try wording(message, language).body(.text, listing: 1)
                sentences.insert(String(body.split(separator: "\n")[0]))
            }
            #expect(sentences.count == MessageVocabulary.reasons.count)
        }
    }

    @Test func `the platform's reasons are all known to the templates`() {
        for reason in WarningReason.allCases { #expect(MessageVocabulary.reasons.contains(reason.rawValue)) }
    }

    @Test func `an unknown reason says what its type says`() throws {
        var message = Sample.message()
        message.reason = "rotation_lost"
        #expect(try wording(message).body(.text, listing: 1).hasPrefix("The provider no longer accepts"))
    }

    @Test(
        arguments: [
            ("en", 3 * 86400 + 60, "3 days left"), ("en", 86400, "1 day left"), ("en", 86399, "Less than a day left"),
            ("es", 2 * 86400, "Quedan 2 días"), ("es", 86400, "Queda 1 día"), ("ru", 5 * 86400, "Осталось дней: 5"),
            ("vi", 7 * 86400, "Còn 7 ngày"),
        ] as [(String, Int, String)])
    func `a coming end says how many days are left`(_ language: String, _ seconds: Int, _ expected: String) throws {
        var message = SampleMessage.message(kind: .opened, type: .channelExpiring, channels: 1)
        message.deadline = SampleMessage.date.addingTimeInterval(Double(seconds))
        let wording = try wording(message, language)
        #expect(wording.title.hasPrefix(expected), "\(wording.title)")
        #expect(try wording.body(.html, listing: 1).contains("(\(expected))"))
        message.deadline = SampleMessage.date.addingTimeInterval(-5)
        #expect(try !self.wording(message, language).title.contains("0"))
    }

    @Test(arguments: [(1, 0), (20, 0), (21, 1), (10_000, 9_980)])
    func `a long list ends in how many more there are`(_ total: Int, _ more: Int) throws {
        let body = try wording(SampleMessage.message(kind: .opened, channels: total)).body(.slack, listing: 20)
        #expect(body.contains("|Re-authorize>"))
        #expect(body.split(separator: "\n").last.map(String.init) == "+\(more) more" || more == 0)
        #expect(body.contains(" more") == (more > 0))
    }

    @Test func `apps tell their reason apart`() throws {
        var message = SampleMessage.message(kind: .opened, type: .appRejected, channels: 5)
        #expect(try wording(message).title == "instagram refuses the app: 5 channels wait")
        message.reason = "app_missing"
        #expect(try wording(message).title == "instagram has no app set up: 5 channels wait")
        message.reason = "grants_denied"
        #expect(try wording(message).title == "instagram denies many channels at once: 5 channels wait")
        message.kind = .recovered
        message.type = .appRecovered
        #expect(try wording(message).title == "instagram: the denials were looked at")
    }

    @Test func `what a message says is in the vocabulary`() {
        for kind in MessageKind.allCases {
            for type in MessageType.allCases {
                let facts = MessageFacts(SampleMessage.message(kind: kind, type: type), at: SampleMessage.date).values
                for name in facts.keys {
                    let isKnown =
                        MessageVocabulary.values.contains(name) || MessageVocabulary.flags.contains(name)
                        || MessageVocabulary.reasons.contains(name)
                    #expect(isKnown, "\(name) is not in the vocabulary")
                }
            }
        }
        for name in MessageFacts.row(Sample.channel(1)).keys {
            #expect(MessageVocabulary.rowValues.contains(name) || MessageVocabulary.values.contains(name))
        }
    }

    @Test(arguments: MessageTemplates.languages)
    func `the built-in templates say something of every kind`(_ language: String) throws {
        try Sample.texts(language).check()
    }
}
