package import Domain
package import FoundationEssentials
package import Providers

/// Why a channel is as it is, which rule acts next and when, and what a human should do; pure.
package struct ChannelExplanation: Sendable {
    /// What happens next.
    package struct Next: Sendable, Equatable {
        package enum Action: String, Sendable, CaseIterable { case refresh, retry, probe, wait, human, none }
        package var action: Action
        package var at: Date?
        /// A stable name of the rule.
        package var rule: String
        package var why: String
    }

    let channel: Channel
    let snapshot: ChannelSnapshot
    let entry: ProviderEntry?
    let app: AppRecord?
    let reads: [TokenReads]
    let link: String?

    package init(
        channel: Channel, snapshot: ChannelSnapshot, entry: ProviderEntry?, app: AppRecord?, reads: [TokenReads] = [],
        link: String? = nil
    ) {
        self.channel = channel
        self.snapshot = snapshot
        self.entry = entry
        self.app = app
        self.reads = reads
        self.link = link
    }

    package var next: Next {
        guard entry != nil else {
            return Next(
                action: .human, at: nil, rule: "provider_unknown",
                why: "The catalogue has no provider `\(channel.provider)`.")
        }
        switch snapshot.status {
        case .disconnected:
            return Next(action: .none, at: nil, rule: "disconnected", why: "The channel is disconnected.")
        case .paused: return Next(action: .none, at: nil, rule: "paused", why: "The channel is paused.")
        case .warning where snapshot.reason?.parks == true:
            return Next(
                action: .human, at: nil, rule: snapshot.reason?.rawValue ?? "warning",
                why: "Its grant is dead, and only a new authorization helps.")
        case .active, .warning: break
        }
        if snapshot.isHeld {
            return Next(action: .wait, at: nil, rule: "held", why: "A refresh of it is running now.")
        }
        if let app, app.state == .paused || app.state == .suspect {
            return Next(
                action: .probe, at: app.probeAt, rule: "app_\(app.state.rawValue)",
                why: "The provider refuses the app's own credentials; one channel is tried until it accepts them again."
            )
        }
        return scheduled
    }

    private var scheduled: Next {
        guard let dueAt = snapshot.dueAt else {
            return Next(action: .none, at: nil, rule: "never_expires", why: "Its token has no end that is known.")
        }
        if snapshot.doubt {
            return Next(
                action: .retry, at: dueAt, rule: "doubt",
                why: "The answer to the last refresh was lost, so the same token is presented again when that is safe.")
        }
        if snapshot.denials > 0 {
            return Next(
                action: .retry, at: dueAt, rule: "confirm_dead_grant",
                why: "The provider called the grant dead; it is asked once more before anybody is told.")
        }
        if snapshot.reason == .suspended {
            return Next(action: .retry, at: dueAt, rule: "suspended_daily", why: "A suspended account is tried daily.")
        }
        if snapshot.fails > 0 {
            return Next(
                action: .retry, at: dueAt, rule: "retry_ladder",
                why: "\(snapshot.fails) refreshes in a row failed; the pauses between them grow.")
        }
        if dueAt <= snapshot.databaseTime {
            return Next(
                action: .refresh, at: dueAt, rule: "due", why: "It is due, and is taken as soon as a slot is free.")
        }
        guard let expiresAt = snapshot.accessExpiresAt else {
            return Next(
                action: .refresh, at: dueAt, rule: "unknown_expiry",
                why: "The end of its token is not known; a refresh finds out.")
        }
        let hours = ((expiresAt.timeIntervalSince(dueAt) / 3600) * 10).rounded() / 10
        return Next(
            action: .refresh, at: dueAt, rule: "before_expiry",
            why: "It is refreshed \(hours) h before its token ends.")
    }

    /// What a human should do, in one sentence.
    package var advice: String {
        switch next.action {
        case .human where next.rule == "provider_unknown":
            "Add the provider's entry to TOKENWARD_CATALOGUE."
        case .human:
            link == nil
                ? "Give the channel new tokens, or authorize it again."
                : "Open the link and authorize the account again."
        case .none where snapshot.status == .paused: "Resume it when it is to be kept alive again."
        case .none, .refresh, .wait: "Nothing."
        case .probe: "Check the app's client id and secret at the provider."
        case .retry:
            channel.status == .warning || snapshot.fails >= 3
                ? "Look at the last error; it goes on by itself when the provider answers again." : "Nothing yet."
        }
    }

    package var json: JSON {
        let next = next
        return [
            "channelId": .string(channel.id.rawValue), "status": .string(channel.status.name),
            "reason": JSON(channel.warning?.reason.rawValue),
            "next": [
                "action": .string(next.action.rawValue), "at": JSON(next.at), "rule": .string(next.rule),
                "why": .string(next.why),
            ],
            "lastOutcome": JSON(channel.lastOutcome), "lastError": JSON(channel.lastError),
            "lastRefreshAt": JSON(channel.lastRefreshAt), "accessExpiresAt": JSON(channel.accessExpiresAt),
            "humanDeadline": JSON(channel.humanDeadline), "consecutiveFailures": JSON(snapshot.fails),
            "doubt": .bool(snapshot.doubt), "advice": .string(advice), "link": JSON(link),
            "app": [
                "id": .string(snapshot.appID), "state": .string((app?.state ?? .ok).rawValue),
                "reason": JSON(app?.reason),
            ],
            "readers": .array(
                reads.map {
                    ["caller": .string($0.caller), "reads": JSON($0.count), "lastReadAt": JSON($0.lastAt)]
                }),
        ]
    }
}

extension Schema {
    package static let explanation = object([
        "channelId": string(), "status": string(), "reason": string().orNull,
        "next": object([
            "action": oneOf(ChannelExplanation.Next.Action.allCases.map(\.rawValue)), "at": time.orNull,
            "rule": string("A stable name."), "why": string(),
        ]),
        "lastOutcome": string().orNull, "lastError": string().orNull, "lastRefreshAt": time.orNull,
        "accessExpiresAt": time.orNull, "humanDeadline": time.orNull, "consecutiveFailures": integer(),
        "doubt": boolean("The stored token may be spent."), "advice": string("What a human should do."),
        "link": string().orNull,
        "app": object(["id": string(), "state": string(), "reason": string().orNull]),
        "readers": list(of: object(["caller": string(), "reads": integer(), "lastReadAt": time])),
    ]).named("Explanation")
}
