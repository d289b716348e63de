package import Domain
package import FoundationEssentials

/// Where news would go and why: what `destinations route --explain` and `GET /v1/destinations/explain` say.
package struct RouteExplanation: Sendable {
    package var news: RoutedNews
    package var rows: [(destination: DestinationSummary, choice: Routing.Choice, isMuted: Bool)]
    /// The end of the last silence that covers it now; nil: none does.
    package var silencedUntil: Date?

    /// - Parameter channel: the channel the news is about, if it is about one.
    package init(
        _ news: RoutedNews, channel: ChannelID?, among destinations: [DestinationSummary], silences: [Silence],
        mutes: [Mute], now: Date
    ) {
        self.news = news
        rows = zip(destinations, Routing.choices(news, among: destinations)).map { destination, choice in
            let muted = Set(mutes.filter { $0.destinationID == destination.id }.map(\.recipient))
            let isMuted =
                muted.contains("") || !destination.recipients.isEmpty && muted.isSuperset(of: destination.recipients)
            return (destination, choice, isMuted)
        }
        let cause = IncidentCause(
            kind: channel == nil ? .app : .channel, id: channel?.rawValue ?? "", reason: Self.reason(of: news.type))
        silencedUntil =
            silences.filter { silence in
                silence.isActive(at: now) && (silence.tenantID == nil || silence.tenantID == news.tenantID)
                    && silence.match.incident == nil
                    && silence.match.covers(
                        incident: 0, cause: cause, severity: news.severity, provider: news.provider,
                        tenantID: news.tenantID)
            }.map(\.endsAt).max()
    }

    /// The reason an incident of this type has most often.
    private static func reason(of type: MessageType) -> String {
        switch type {
        case .channelReauthorizationRequired: WarningReason.reauthorizationRequired.rawValue
        case .channelExpiring: IncidentCause.expiring
        case .channelRefreshFailing: WarningReason.refreshFailing.rawValue
        default: type.rawValue
        }
    }

    /// The weight that incidents of a type have.
    package static func severity(of type: MessageType) -> Severity {
        switch type {
        case .channelReauthorizationRequired, .appRejected, .destinationDegraded: .critical
        case .channelRefreshFailing, .channelExpiring, .providerDegraded, .platformEvent: .warning
        case .channelRecovered, .appRecovered, .providerRecovered, .ping: .info
        }
    }

    package static func why(_ choice: Routing.Choice) -> String {
        switch choice {
        case .matched: "It asks for such news."
        case .fallback: "Nothing else asks for it, and this is a default."
        case .otherTenant: "It belongs to another tenant."
        case .itself: "The news is about this destination."
        case .tenant: "Its match names other tenants."
        case .provider: "Its match names other providers."
        case .type: "Its match names other types."
        case .severity: "Its match asks for a higher severity."
        case .notNeeded: "It is a default, and another destination asks for it."
        }
    }

    /// - Parameter tenantID: shows that tenant's destinations only; nil: all.
    package func json(of tenantID: String?) -> JSON {
        [
            "type": .string(news.type.rawValue), "severity": .string(news.severity.rawValue),
            "tenantId": JSON(news.tenantID), "provider": JSON(news.provider), "silencedUntil": JSON(silencedUntil),
            "destinations": .array(
                rows.filter { tenantID == nil || $0.destination.tenantID == tenantID }.map { row in
                    [
                        "id": .string(row.destination.id), "name": .string(row.destination.name),
                        "isTold": .bool(row.choice.isTold && !row.isMuted), "isMuted": .bool(row.isMuted),
                        "why": .string(row.isMuted ? "It is muted." : Self.why(row.choice)),
                        "escalatesTo": JSON(row.destination.escalatesTo),
                    ]
                }),
        ]
    }
}
