/// What the templates of messages may name; a test holds it against what messages are filled with.
///
/// A name outside of it is a mistake of the template, which would silently show nothing.
package enum MessageVocabulary {
    package static let values: Set<String> = [
        "language", "title", "provider", "reason", "reasonText", "message", "name", "link", "since", "deadline", "days",
        "total", "more", "who", "muteLink",
    ]

    /// Of each row of `channels`, besides `name` and `provider`.
    package static let rowValues: Set<String> = ["id", "tenant", "user", "until", "repairLink"]

    package static let flags: Set<String> = [
        "isOpened", "isReminder", "isEscalated", "isRecovered", "isTest", "isChannel", "isApp", "isProvider",
        "isDestination", "isEvent", "isSingle", "isMany", "isCritical", "isWarning", "isInfo", "isGood", "needsHuman",
        "isExpiring", "isFailing", "isLastDay", "isOneDay", "isDays", "hasOverview",
    ]

    /// Reasons that have a sentence in `reason.text`; each is a flag of its own name.
    package static let reasons: Set<String> = [
        "reauthorization_required", "refresh_failing", "suspended", "not_extended", "scope_missing",
        "sealed_unreadable", "expiring", "app_rejected", "app_missing", "grants_denied", "degraded",
        "destination_degraded",
    ]

    static func contains(_ name: String, words: Set<String>) -> Bool {
        if name.hasPrefix("words.") { return words.contains(String(name.dropFirst(6))) }
        return values.contains(name) || rowValues.contains(name) || flags.contains(name) || reasons.contains(name)
            || name == "channels"
    }
}
