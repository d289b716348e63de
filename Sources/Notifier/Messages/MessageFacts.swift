import Domain
import FoundationEssentials
import Templates

/// What templates can say of a message (`MessageVocabulary`).
struct MessageFacts {
    let values: [String: TemplateValue]

    /// Longest text of the platform's own events and of our sentences; a provider's is ``DisplayText/charactersMax``.
    static let sentenceMax = 500
    /// Longest title of the platform's own events.
    static let titleMax = 200

    init(_ message: RelayMessage, at now: Date) {
        let family = Family(message.type)
        var values = Self.flags(message, family)
        values["total"] = .number(message.total)
        values["reason"] = .text(message.reason)
        values["since"] = .text(CivilTime(message.since).readable)
        values["provider"] = .optional(message.provider.map { DisplayText.short($0) })
        values["link"] = .optional(message.link)
        values["name"] = .optional(
            message.title.map { DisplayText.short($0, max: Self.titleMax) } ?? message.channels.first.map(Self.name))
        values["deadline"] = .optional(message.deadline.map { CivilTime($0).readable })
        // What is told of apps and providers is our own English, which the reason's sentence says in every language.
        switch family {
        case .channel: values["message"] = .optional(message.message.map { DisplayText.short($0) })
        case .destination, .event:
            values["message"] = .optional(message.message.map { DisplayText.short($0, max: Self.sentenceMax) })
        case .app, .provider, .none: break
        }
        if let reason = Self.reason(message) { values[reason] = true }
        if let deadline = message.deadline, deadline > now {
            let days = Int((deadline.timeIntervalSince(now) / 86400).rounded(.down))
            values["days"] = .number(days)
            values[days == 0 ? "isLastDay" : days == 1 ? "isOneDay" : "isDays"] = true
        }
        self.values = values
    }

    fileprivate enum Family { case channel, app, provider, destination, event, none }

    private static func flags(_ message: RelayMessage, _ family: Family) -> [String: TemplateValue] {
        let needsHuman = message.type == .channelReauthorizationRequired
        let isExpiring = message.type == .channelExpiring
        let isGood = message.kind == .recovered || message.kind == .test
        return [
            "isOpened": .flag(message.kind == .opened), "isReminder": .flag(message.kind == .reminder),
            "isEscalated": .flag(message.kind == .escalated), "isRecovered": .flag(message.kind == .recovered),
            "isTest": .flag(message.kind == .test),
            "isChannel": .flag(family == .channel), "isApp": .flag(family == .app),
            "isProvider": .flag(family == .provider), "isDestination": .flag(family == .destination),
            "isEvent": .flag(family == .event),
            "isSingle": .flag(message.total == 1), "isMany": .flag(message.total > 1),
            "isGood": .flag(isGood), "isCritical": .flag(!isGood && message.severity == .critical),
            "isWarning": .flag(!isGood && message.severity == .warning),
            "isInfo": .flag(!isGood && message.severity == .info),
            "needsHuman": .flag(needsHuman), "isExpiring": .flag(isExpiring),
            "isFailing": .flag(family == .channel && !needsHuman && !isExpiring),
            "hasOverview": .flag(family != .channel && message.kind.tellsOpen && message.link != nil),
        ]
    }

    /// The reason that `reason.text` has a sentence for: the message's own, else the usual one of its type.
    private static func reason(_ message: RelayMessage) -> String? {
        if MessageVocabulary.reasons.contains(message.reason) { return message.reason }
        return switch message.type {
        case .channelReauthorizationRequired: "reauthorization_required"
        case .channelRefreshFailing: "refresh_failing"
        case .channelExpiring: "expiring"
        case .appRejected: "app_rejected"
        case .providerDegraded: "degraded"
        case .destinationDegraded: "destination_degraded"
        case .channelRecovered, .appRecovered, .providerRecovered, .platformEvent, .ping: nil
        }
    }

    static func row(_ channel: RelayMessage.Channel) -> [String: TemplateValue] {
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

extension MessageFacts.Family {
    fileprivate init(_ type: MessageType) {
        self =
            switch type {
            case .channelReauthorizationRequired, .channelRefreshFailing, .channelExpiring, .channelRecovered: .channel
            case .appRejected, .appRecovered: .app
            case .providerDegraded, .providerRecovered: .provider
            case .destinationDegraded: .destination
            case .platformEvent: .event
            case .ping: .none
            }
    }
}
