import Domain
import FoundationEssentials

extension RelayMessage {
    /// The message of a delivery that was claimed for the first time; nil when it carries no incident.
    init?(_ delivery: ClaimedDelivery, links: MessageLinks) {
        guard let first = delivery.incidents.first else { return nil }
        let incidents = delivery.incidents
        let isOver = delivery.messageKind == .recovered
        var seen: Set<String> = []
        var channels: [Channel] = []
        for incident in incidents where incident.cause.kind == .channel && seen.insert(incident.cause.id).inserted {
            channels.append(
                Channel(
                    id: incident.cause.id, tenantID: incident.tenantID ?? "", userID: incident.userID,
                    displayName: incident.displayName, provider: incident.provider ?? "", deadline: incident.deadline,
                    link: isOver ? nil : links.repair(ChannelID(rawValue: incident.cause.id), incident.id)))
        }
        // Destinations and the platform's own events are named in the same place.
        for incident in incidents where incident.cause.kind == .platform {
            channels.append(
                Channel(
                    id: incident.cause.id, tenantID: incident.tenantID ?? "", userID: nil,
                    displayName: incident.title, provider: "", deadline: nil, link: isOver ? nil : incident.link))
        }
        self.init(
            kind: delivery.messageKind, type: delivery.messageType,
            severity: isOver ? .info : incidents.map(\.severity).max() ?? .info,
            provider: Self.common(incidents.map(\.provider)), reason: first.wordedReason,
            message: isOver ? nil : Self.common(incidents.map(\.message)),
            link: isOver ? nil : channels.first?.link ?? Self.common(incidents.map(\.link)) ?? links.overview,
            deadline: isOver ? nil : incidents.compactMap(\.deadline).min(),
            since: incidents.map(\.openedAt).min() ?? first.openedAt, channels: channels,
            total: first.cause.kind == .channel ? delivery.total : incidents.reduce(0) { $0 + $1.channels },
            title: first.title, data: incidents.count == 1 ? first.data : nil,
            reminders: delivery.messageKind == .reminder ? incidents.map(\.reminders).max() ?? 0 : 0,
            acknowledgedBy: Self.common(incidents.map(\.acknowledgedBy)))
    }

    /// A message that says nothing but that messages arrive.
    static func test(at now: Date, links: MessageLinks) -> RelayMessage {
        RelayMessage(
            kind: .test, type: .ping, severity: .info, provider: nil, reason: "test", message: nil,
            link: links.overview, deadline: nil, since: now, channels: [], total: 0)
    }

    /// The value that all have, else nil.
    private static func common(_ values: [String?]) -> String? {
        guard let first = values.first, values.allSatisfy({ $0 == first }) else { return nil }
        return first
    }
}

extension IncidentFacts {
    /// An app that is not set up is no app that its provider refuses, though both pause alike.
    fileprivate var wordedReason: String {
        cause.kind == .app && code == IncidentCause.appMissing ? IncidentCause.appMissing : cause.reason
    }
}
