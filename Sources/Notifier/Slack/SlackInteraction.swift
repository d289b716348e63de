import FoundationEssentials

/// What Slack posts when a button is pressed (`block_actions`), as far as it is read.
struct SlackInteraction: Decodable {
    struct User: Decodable {
        var id: String
        var username: String?
        var name: String?

        /// For the audit: the name people know, else the id.
        var label: String { String((username ?? name ?? id).filter { !$0.isNewline }.prefix(80)) }
    }

    struct Action: Decodable {
        var actionID: String
        var blockID: String?
        var value: String?

        private enum CodingKeys: String, CodingKey {
            case value
            case actionID = "action_id"
            case blockID = "block_id"
        }
    }

    struct Message: Decodable {
        var text: String?
        var blocks: [SlackBlock]
    }

    private struct Container: Decodable {
        var channel: String?
        var ts: String?

        enum CodingKeys: String, CodingKey {
            case channel = "channel_id"
            case ts = "message_ts"
        }
    }

    var user: User
    var actions: [Action]
    var message: Message?
    private var container: Container?

    /// Where the message stands.
    var place: SlackPlace? {
        guard let channel = container?.channel, let ts = container?.ts else { return nil }
        return SlackPlace(channel: channel, ts: ts)
    }

    /// Reads `payload=` of a form; nil when it is not there, malformed, or its user has no plain id.
    init?(form body: [UInt8]) {
        guard let field = body.split(separator: UInt8(ascii: "&")).first(where: { $0.starts(with: "payload=".utf8) }),
            let json = PercentCoding.formDecoded(field.dropFirst(8)),
            let read = try? JSONDecoder().decode(SlackInteraction.self, from: Data(json)),
            (1...40).contains(read.user.id.utf8.count),
            read.user.id.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) })
        else { return nil }
        self = read
    }
}
