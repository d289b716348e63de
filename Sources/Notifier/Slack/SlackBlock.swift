import Templates

/// A block of Slack's Block Kit, of the kinds that messages here consist of.
struct SlackBlock: Codable, Equatable {
    struct Text: Codable, Equatable {
        var type: String
        var text: String
        /// Nothing in it becomes a link or a mention by itself.
        var verbatim: Bool?

        static func plain(_ text: String) -> Text { Text(type: "plain_text", text: text) }
        static func markdown(_ text: String) -> Text { Text(type: "mrkdwn", text: text, verbatim: true) }
    }

    /// A button, or a text of a context block.
    enum Element: Codable, Equatable {
        case button(Button)
        case text(Text)

        private enum CodingKeys: CodingKey { case type }

        init(from decoder: any Decoder) throws {
            let type = try decoder.container(keyedBy: CodingKeys.self).decode(String.self, forKey: .type)
            self = type == "button" ? .button(try Button(from: decoder)) : .text(try Text(from: decoder))
        }

        func encode(to encoder: any Encoder) throws {
            switch self {
            case .button(let button): try button.encode(to: encoder)
            case .text(let text): try text.encode(to: encoder)
            }
        }
    }

    struct Button: Codable, Equatable {
        var type = "button"
        var text: Text
        var actionID: String
        var value: String

        private enum CodingKeys: String, CodingKey {
            case type, text, value
            case actionID = "action_id"
        }
    }

    var type: String
    var blockID: String?
    var text: Text?
    var elements: [Element]?

    private enum CodingKeys: String, CodingKey {
        case type, text, elements
        case blockID = "block_id"
    }

    static func header(_ text: String) -> SlackBlock { SlackBlock(type: "header", text: .plain(text)) }
    static func section(_ text: String) -> SlackBlock { SlackBlock(type: "section", text: .markdown(text)) }

    static func context(_ text: String, id: String) -> SlackBlock {
        SlackBlock(type: "context", blockID: id, elements: [.text(.markdown(text))])
    }
}

/// The buttons of a message that can be acted on, and how a press names what it is about.
enum SlackButtons {
    /// What a button does; the raw value is its `action_id`.
    enum Act: String, CaseIterable {
        case acknowledge = "tokenward_acknowledge"
        case snoozeHour = "tokenward_snooze_hour"
        case snoozeDay = "tokenward_snooze_day"

        /// Its label in `words.text`.
        var word: String {
            switch self {
            case .acknowledge: "acknowledge"
            case .snoozeHour: "snoozeHour"
            case .snoozeDay: "snoozeDay"
            }
        }

        /// How long it is quiet then; nil: until it is over.
        var duration: Duration? {
            switch self {
            case .acknowledge: nil
            case .snoozeHour: .seconds(3600)
            case .snoozeDay: .seconds(86400)
            }
        }
    }

    static let labelCharactersMax = 75
    private static let prefix = "tokenward:"
    /// The line under a message that says who did what; a later one replaces it.
    static let noteID = "tokenward-note"

    /// - Parameters:
    ///   - destinationID: whose signing secret proves the press.
    ///   - deliveryID: the message; its incidents are what is acknowledged.
    static func block(
        destinationID: String, deliveryID: String, wording: MessageWording
    ) throws(TemplateError) -> SlackBlock {
        var elements: [SlackBlock.Element] = []
        for act in Act.allCases {
            let label = SlackPayload.cut(try wording.word(act.word), to: labelCharactersMax)
            elements.append(.button(.init(text: .plain(label), actionID: act.rawValue, value: deliveryID)))
        }
        return SlackBlock(type: "actions", blockID: prefix + destinationID, elements: elements)
    }

    /// The destination that a block of buttons belongs to.
    static func destinationID(of blockID: String) -> String? {
        blockID.hasPrefix(prefix) ? String(blockID.dropFirst(prefix.count)) : nil
    }

    /// The message's blocks with a note in place of an earlier one.
    ///
    /// - Parameter keepsButtons: a snoozed message can still be acknowledged.
    static func noting(_ note: String, in blocks: [SlackBlock], keepsButtons: Bool) -> [SlackBlock] {
        var kept = blocks.filter { $0.blockID != noteID }
        let buttons = kept.filter { $0.blockID.map(destinationID(of:)) ?? nil != nil }
        kept.removeAll { buttons.contains($0) }
        return kept + [.context(note, id: noteID)] + (keepsButtons ? buttons : [])
    }
}
