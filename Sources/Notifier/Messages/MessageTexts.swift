import Domain
import FoundationEssentials
package import Templates

/// Fills the templates with a message.
package struct MessageTexts: Sendable {
    private let templates: MessageTemplates
    private let language: String

    package init(templates: MessageTemplates, language: String = MessageTemplates.fallbackLanguage) {
        self.templates = templates
        self.language = language
    }

    /// One line that says what happened.
    func title(_ message: RelayMessage) throws(TemplateError) -> String {
        try templates.render(Self.name(message.kind) + ".subject", language: language, context(message, listing: 1))
    }

    /// - Parameters:
    ///   - listing: how many channels are named; the rest is "+N more".
    func body(
        _ message: RelayMessage, target: TemplateTarget, listing: Int, title: String
    ) throws(TemplateError) -> String {
        var context = try context(message, listing: listing)
        context["title"] = .text(title)
        return try templates.render(Self.name(message.kind) + "." + target.rawValue, language: language, context)
    }

    /// Reminders and escalations say the same as the opening message, with a word before it.
    private static func name(_ kind: MessageKind) -> String {
        switch kind {
        case .opened, .reminder, .escalated: "opened"
        case .recovered: "recovered"
        case .test: "test"
        }
    }

    private func context(
        _ message: RelayMessage, listing: Int
    ) throws(TemplateError) -> [String: TemplateValue] {
        let isApp = message.type == .appRejected || message.type == .appRecovered
        let listed = message.channels.prefix(listing)
        var context: [String: TemplateValue] = [
            "language": .text(language), "isApp": .flag(isApp), "isChannel": .flag(!isApp && message.kind != .test),
            "isSingle": .flag(message.total == 1), "isMany": .flag(message.total != 1), "total": .number(message.total),
            "needsHuman": .flag(message.type == .channelReauthorizationRequired),
            "isReminder": .flag(message.kind == .reminder), "isEscalated": .flag(message.kind == .escalated),
            "isCritical": .flag(message.severity == .critical), "since": .text(CivilTime(message.since).readable),
            "reason": .text(message.reason), "channels": .list(listed.map(Self.row)),
        ]
        context["provider"] = .optional(message.provider.map { DisplayText.short($0) })
        context["message"] = .optional(message.message.map { DisplayText.short($0) })
        context["deadline"] = .optional(message.deadline.map { CivilTime($0).readable })
        context["link"] = .optional(message.link)
        context["name"] = .optional(message.channels.first.map(Self.name))
        if message.total > listed.count, !listed.isEmpty { context["more"] = .number(message.total - listed.count) }
        let reason = try templates.render("reason.text", language: language, [message.reason: true])
        context["reasonText"] = .text(reason.split(separator: "\n").joined(separator: " "))
        return context
    }

    private static func row(_ channel: RelayMessage.Channel) -> [String: TemplateValue] {
        var row: [String: TemplateValue] = [
            "name": .text(name(channel)), "id": .text(DisplayText.short(channel.id)),
            "provider": .text(DisplayText.short(channel.provider)),
            "tenant": .text(DisplayText.short(channel.tenantID)),
        ]
        row["user"] = .optional(channel.userID.map { DisplayText.short($0) })
        row["until"] = .optional(channel.deadline.map { CivilTime($0).readable })
        row["repairLink"] = .optional(channel.link)
        return row
    }

    private static func name(_ channel: RelayMessage.Channel) -> String {
        let name = DisplayText.short(channel.displayName ?? "")
        return name.isEmpty ? DisplayText.short(channel.id) : name
    }
}
