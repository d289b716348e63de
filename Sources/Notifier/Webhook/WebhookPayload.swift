import Domain
import FoundationEssentials

/// The body of a Standard Webhooks message (DESIGN §3.4); absent values are `null`.
struct WebhookPayload: Encodable {
    var message: RelayMessage
    var timestamp: Date

    static let bodyBytesMax = 20_000

    /// The JSON with as many channels as fit into ``bodyBytesMax``.
    static func body(_ message: RelayMessage, timestamp: Date) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var payload = WebhookPayload(message: message, timestamp: timestamp)
        while true {
            // Strings and numbers always encode.
            let body = (try? encoder.encode(payload)).map(Array.init) ?? []
            if body.count <= bodyBytesMax || payload.message.channels.isEmpty { return body }
            let count = payload.message.channels.count
            payload.message.channels.removeLast(max(1, count - count * bodyBytesMax / body.count))
        }
    }

    private enum Key: String, CodingKey {
        case type, timestamp, data
    }

    private enum DataKey: String, CodingKey {
        case kind, severity, provider, reason, title, message, link, deadline, since, channels, total, event,
            acknowledgedBy
    }

    private enum ChannelKey: String, CodingKey {
        case id, tenantId, userId, displayName, provider, deadline, link
    }

    func encode(to encoder: any Encoder) throws {
        var root = encoder.container(keyedBy: Key.self)
        try root.encode(message.type.rawValue, forKey: .type)
        try root.encode(CivilTime(timestamp).timestamp, forKey: .timestamp)
        var data = root.nestedContainer(keyedBy: DataKey.self, forKey: .data)
        try data.encode(message.kind.rawValue, forKey: .kind)
        try data.encode(message.severity.rawValue, forKey: .severity)
        try data.encode(message.provider, forKey: .provider)
        try data.encode(message.reason, forKey: .reason)
        try data.encode(message.message.map { String($0.prefix(300)) }, forKey: .message)
        try data.encode(message.link, forKey: .link)
        try data.encode(message.deadline.map { CivilTime($0).timestamp }, forKey: .deadline)
        try data.encode(CivilTime(message.since).timestamp, forKey: .since)
        try data.encode(message.total, forKey: .total)
        try data.encodeIfPresent(message.acknowledgedBy, forKey: .acknowledgedBy)
        if message.type == .platformEvent {
            try data.encode(message.title, forKey: .title)
            try data.encode(message.data.flatMap(EventData.init(parsing:)), forKey: .event)
        }
        var channels = data.nestedUnkeyedContainer(forKey: .channels)
        // What is not a channel is named by `title`.
        for channel in message.channels where message.type.rawValue.hasPrefix("channel.") {
            var row = channels.nestedContainer(keyedBy: ChannelKey.self)
            try row.encode(channel.id, forKey: .id)
            try row.encode(channel.tenantID, forKey: .tenantId)
            try row.encode(channel.userID, forKey: .userId)
            try row.encode(channel.displayName.map { String($0.prefix(300)) }, forKey: .displayName)
            try row.encode(channel.provider, forKey: .provider)
            try row.encode(channel.deadline.map { CivilTime($0).timestamp }, forKey: .deadline)
            try row.encode(channel.link, forKey: .link)
        }
    }
}
