import Domain
import FoundationEssentials
package import Templates

/// Words messages: fills the templates of one language.
package struct MessageTexts: Sendable {
    private let templates: MessageTemplates
    let language: String

    package init(templates: MessageTemplates, language: String = MessageTemplates.fallbackLanguage) {
        self.templates = templates
        self.language = language
    }

    /// - Parameters:
    ///   - now: the moment from which the days until the deadline are counted; the same for every attempt.
    ///   - muteLink: the page on which the recipient ends mails to this address.
    func words(_ message: RelayMessage, at now: Date, muteLink: String? = nil) throws(TemplateError) -> MessageWording {
        var facts = MessageFacts(message, at: now).values
        facts["language"] = .text(language)
        facts["muteLink"] = .optional(muteLink)
        let reason = try templates.render("reason.text", language: language, facts)
        facts["reasonText"] = .optional(reason.split(separator: "\n").joined(separator: " "))
        return try MessageWording(message: message, facts: facts, templates: templates, language: language)
    }

    /// A word about what somebody did, as Slack's mrkdwn.
    ///
    /// - Parameter who: a mention, which stays one.
    func note(_ word: String, who: String, until: Date?) throws(TemplateError) -> String {
        // Escaped with a stand-in: the word is a template's, the mention is ours.
        let stand = "\u{1}"
        var facts: [String: TemplateValue] = ["who": .text(stand)]
        facts["deadline"] = .optional(until.map { CivilTime($0).readable })
        guard case .text(let text)? = try templates.words(language: language, facts)[word] else { return who }
        return TemplateTarget.slack.escaped(text).replacing(stand, with: who)
    }

    /// - Throws: ``TemplateError/empty(_:)`` for a template that says nothing of an ordinary message.
    package func check() throws(TemplateError) {
        for kind in MessageKind.allCases {
            let message = SampleMessage.message(kind: kind)
            let wording = try words(message, at: message.since)
            guard !wording.title.isEmpty else { throw .empty("\(kind.rawValue).subject") }
            for target in [TemplateTarget.slack, .text, .html] {
                let text = try wording.body(target, listing: 10)
                guard text.contains(where: { !$0.isWhitespace }) else {
                    throw .empty("\(kind.rawValue).\(target.rawValue)")
                }
            }
        }
    }
}

/// One message in one language, ready to be laid out for a transport.
struct MessageWording {
    /// One line that says what happened.
    let title: String
    private let message: RelayMessage
    private let facts: [String: TemplateValue]
    private let templates: MessageTemplates
    private let language: String

    init(
        message: RelayMessage, facts: [String: TemplateValue], templates: MessageTemplates, language: String
    ) throws(TemplateError) {
        (self.message, self.templates, self.language) = (message, templates, language)
        var facts = facts
        facts["words"] = .group(try templates.words(language: language, facts))
        title = try templates.render(message.kind.rawValue + ".subject", language: language, facts)
        facts["title"] = .text(title)
        self.facts = facts
    }

    /// - Parameter listing: how many channels are named; the rest is "+N more".
    func body(_ target: TemplateTarget, listing: Int) throws(TemplateError) -> String {
        let listed = message.channels.prefix(listing)
        var facts = facts
        facts["channels"] = .list(listed.map(MessageFacts.row))
        if message.total > listed.count, !listed.isEmpty {
            facts["more"] = .number(message.total - listed.count)
            facts["words"] = .group(try templates.words(language: language, facts))
        }
        return try templates.render(message.kind.rawValue + "." + target.rawValue, language: language, facts)
    }

    /// A word of `words.text`, plain; empty when there is none.
    ///
    /// - Parameter more: what the word says besides the message's own values.
    func word(_ name: String, _ more: [String: TemplateValue] = [:]) throws(TemplateError) -> String {
        let words = try templates.words(language: language, facts.merging(more) { _, new in new })
        guard case .text(let text)? = words[name] else { return "" }
        return text
    }
}
