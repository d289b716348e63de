package import Domain
package import FoundationEssentials

/// Messages about made-up incidents, for previews and for the check of templates at start.
package enum SampleMessage {
    /// 2026-05-28 20:26:40 UTC, when every sample begins.
    package static let date = Date(timeIntervalSince1970: 1_780_000_000)

    /// - Parameters:
    ///   - type: nil: what is usual for the kind; of a recovery, the type that ended or that tells the end.
    ///   - channels: how many channels wait, 1 or more; at most 100 are named.
    package static func message(
        kind: MessageKind, type: MessageType? = nil, channels: Int = 2, link: String = "https://tokens.example.com"
    ) -> RelayMessage {
        let type = Self.type(type, kind: kind)
        let reason = Self.reason(type)
        let isOver = kind == .recovered
        let isChannel = type.rawValue.hasPrefix("channel.")
        let rows = isChannel ? (0..<min(channels, 100)).map { row($0, isOver ? nil : link) } : []
        return RelayMessage(
            kind: kind, type: type, severity: severity(type, kind), provider: provider(type), reason: reason,
            message: isOver ? nil : sentence(type),
            link: isOver ? nil : isChannel ? rows.first?.link : link + "/status",
            deadline: isOver || !isChannel ? nil : rows.first?.deadline, since: date, channels: rows,
            total: type == .ping ? 0 : max(channels, 1), title: title(type))
    }

    private static func type(_ type: MessageType?, kind: MessageKind) -> MessageType {
        switch kind {
        case .test: .ping
        case .recovered:
            switch type {
            case .appRejected, .appRecovered: .appRecovered
            case .providerDegraded, .providerRecovered: .providerRecovered
            case .destinationDegraded: .destinationDegraded
            case .platformEvent: .platformEvent
            default: .channelRecovered
            }
        case .opened, .reminder, .escalated:
            switch type {
            case nil, .ping, .channelRecovered: .channelReauthorizationRequired
            case .appRecovered: .appRejected
            case .providerRecovered: .providerDegraded
            case let type?: type
            }
        }
    }

    private static func reason(_ type: MessageType) -> String {
        switch type {
        case .channelReauthorizationRequired, .channelRecovered: "reauthorization_required"
        case .channelRefreshFailing: "refresh_failing"
        case .channelExpiring: "expiring"
        case .appRejected, .appRecovered: "app_rejected"
        case .providerDegraded, .providerRecovered: "degraded"
        case .destinationDegraded: IncidentCause.destinationDegraded
        case .platformEvent: IncidentCause.platformEvent
        case .ping: "test"
        }
    }

    private static func severity(_ type: MessageType, _ kind: MessageKind) -> Severity {
        guard kind.tellsOpen else { return .info }
        return switch type {
        case .channelRefreshFailing, .channelExpiring, .providerDegraded: .warning
        case .platformEvent: .info
        default: .critical
        }
    }

    private static func provider(_ type: MessageType) -> String? {
        switch type {
        case .destinationDegraded, .platformEvent, .ping: nil
        default: "instagram"
        }
    }

    private static func sentence(_ type: MessageType) -> String? {
        switch type {
        case .channelReauthorizationRequired: "Instagram answered HTTP 400 (190): the session has been invalidated."
        case .channelRefreshFailing: "Instagram answered HTTP 500 three times."
        case .destinationDegraded: "The receiver wants no more messages (410)."
        case .platformEvent: "The import of last night took 3 h longer than usual; all rows are there."
        default: nil
        }
    }

    private static func title(_ type: MessageType) -> String? {
        switch type {
        case .destinationDegraded: "Webhook of the shop"
        case .platformEvent: "The nightly import was late"
        default: nil
        }
    }

    private static let names = ["North Bakery", "Harbour Café", "Ñandú Librería", "Пекарня «Ёлка»", "Phở Hà Nội"]

    private static func row(_ number: Int, _ link: String?) -> RelayMessage.Channel {
        let name = names[number % names.count] + (number < names.count ? "" : " \(number + 1)")
        return RelayMessage.Channel(
            id: "ch_sample\(number + 1)", tenantID: number % 2 == 0 ? "acme" : "globex", userID: "maria",
            displayName: name, provider: "instagram", deadline: date.addingTimeInterval(Double(3 + number) * 86400),
            link: link.map { "\($0)/reauthorize/k1.\(number + 1).c2FtcGxl.c2lnbmF0dXJl" })
    }
}
