import Domain
import FoundationEssentials

/// The body of a Standard Webhooks message (DESIGN §3.4); absent values are `null`.
struct WebhookPayload {
    var message: RelayMessage
    var timestamp: Date

    static let bodyBytesMax = 20_000

    /// The JSON with as many channels as fit into ``bodyBytesMax``; members are in the order of their names.
    static func body(_ message: RelayMessage, timestamp: Date) -> [UInt8] {
        var payload = WebhookPayload(message: message, timestamp: timestamp)
        while true {
            let body = payload.body
            if body.count <= bodyBytesMax || payload.message.channels.isEmpty { return body }
            let count = payload.message.channels.count
            payload.message.channels.removeLast(max(1, count - count * bodyBytesMax / body.count))
        }
    }

    private var body: [UInt8] {
        var root = JSONText(reserving: 1024)
        root.add("data", json: data)
        root.add("timestamp", CivilTime(timestamp).timestamp)
        root.add("type", message.type.rawValue)
        return root.bytes
    }

    private var data: [UInt8] {
        var data = JSONText(reserving: 1024)
        if let person = message.acknowledgedBy { data.add("acknowledgedBy", person) }
        // What is not a channel is named by `title`.
        let channels = message.type.rawValue.hasPrefix("channel.") ? message.channels : []
        data.add("channels", json: JSONText.array(channels.map(Self.row)))
        data.add("deadline", message.deadline.map { CivilTime($0).timestamp })
        if message.type == .platformEvent { data.add("event", json: event) }
        data.add("kind", message.kind.rawValue)
        data.add("link", message.link)
        data.add("message", message.message.map { String($0.prefix(300)) })
        data.add("provider", message.provider)
        data.add("reason", message.reason)
        data.add("severity", message.severity.rawValue)
        data.add("since", CivilTime(message.since).timestamp)
        if message.type == .platformEvent { data.add("title", message.title) }
        data.add("total", message.total)
        return data.bytes
    }

    /// The platform's own data; what is no JSON is `null`.
    private var event: [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let data = message.data.flatMap(EventData.init(parsing:)).flatMap { try? encoder.encode($0) }
        return data.map(Array.init) ?? Array("null".utf8)
    }

    private static func row(_ channel: RelayMessage.Channel) -> [UInt8] {
        var row = JSONText()
        row.add("deadline", channel.deadline.map { CivilTime($0).timestamp })
        row.add("displayName", channel.displayName.map { String($0.prefix(300)) })
        row.add("id", channel.id)
        row.add("link", channel.link)
        row.add("provider", channel.provider)
        row.add("tenantId", channel.tenantID)
        row.add("userId", channel.userID)
        return row.bytes
    }
}
