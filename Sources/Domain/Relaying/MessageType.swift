/// What a message is about; the raw value is the webhook's `type` (DESIGN §3.4).
package enum MessageType: String, Sendable, CaseIterable {
    case channelReauthorizationRequired = "channel.reauthorization_required"
    case channelRefreshFailing = "channel.refresh_failing"
    case channelExpiring = "channel.expiring"
    case channelRecovered = "channel.recovered"
    case appRejected = "app.rejected"
    case appRecovered = "app.recovered"
    case providerDegraded = "provider.degraded"
    case providerRecovered = "provider.recovered"
    case destinationDegraded = "destination.degraded"
    /// The platform's own news, relayed by the same rules (`POST /v1/events`).
    case platformEvent = "platform.event"
    case ping

    /// The type under which an incident of this cause is opened and reminded of.
    package static func opening(_ cause: IncidentCause) -> MessageType {
        switch cause.kind {
        case .channel:
            switch WarningReason(rawValue: cause.reason) {
            case .reauthorizationRequired, .scopeMissing, .sealedUnreadable: .channelReauthorizationRequired
            case .refreshFailing, .suspended, .notExtended: .channelRefreshFailing
            case nil: cause.reason == IncidentCause.expiring ? .channelExpiring : .channelRefreshFailing
            }
        case .app: .appRejected
        case .provider: .providerDegraded
        case .platform: cause.reason == IncidentCause.platformEvent ? .platformEvent : .destinationDegraded
        }
    }

    /// The type that tells the end of an incident of this cause.
    ///
    /// A destination has no type of its own for it: the end is `destination.degraded` of kind `recovered`.
    package static func closing(_ cause: IncidentCause) -> MessageType {
        switch cause.kind {
        case .channel: .channelRecovered
        case .app: .appRecovered
        case .provider: .providerRecovered
        case .platform: opening(cause)
        }
    }
}

/// Why a message is sent now; the raw value is the webhook's `data.kind`.
package enum MessageKind: String, Sendable, CaseIterable {
    case opened
    case reminder
    case escalated
    case recovered
    case test

    /// Whether an open incident is told, so that closing it makes the message pointless.
    package var tellsOpen: Bool {
        switch self {
        case .opened, .reminder, .escalated: true
        case .recovered, .test: false
        }
    }
}
