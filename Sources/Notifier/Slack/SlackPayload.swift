import Domain
import FoundationEssentials
import Templates

/// A message for an incoming webhook: Block Kit with a plain text for notifications and old clients.
struct SlackPayload: Encodable {
    struct Block: Encodable {
        var type: String
        var text: Text
    }

    struct Text: Encodable {
        var type: String
        var text: String
        /// Nothing in it becomes a link or a mention by itself.
        var verbatim: Bool?
    }

    var text: String
    var blocks: [Block]
    let unfurlLinks = false
    let unfurlMedia = false

    private enum CodingKeys: String, CodingKey {
        case text, blocks
        case unfurlLinks = "unfurl_links"
        case unfurlMedia = "unfurl_media"
    }

    // Slack's limits; the budget of a whole message is not documented, 13,200 was measured to fail.
    static let blocksMax = 50
    static let sectionCharactersMax = 3000
    static let headerCharactersMax = 150
    static let budget = 12_000
    /// Named channels; more is "+N more".
    static let listed = 20

    /// - Parameter render: the template's text with so many channels named; paragraphs become sections.
    init(title: String, severity: Severity, kind: MessageKind, render: (Int) throws(TemplateError) -> String)
        throws(TemplateError)
    {
        let title = TemplateTarget.slack.escaped(Self.symbol(severity, kind) + " " + title)
        var listing = Self.listed
        while true {
            let sections = Self.paragraphs(try render(listing))
            let size = title.utf16.count + sections.reduce(0) { $0 + $1.utf16.count }
            let fits = size <= Self.budget && sections.count < Self.blocksMax
            if fits || listing == 0 {
                text = Self.cut(title, to: Self.sectionCharactersMax)
                blocks =
                    [
                        Block(
                            type: "header",
                            text: Text(type: "plain_text", text: Self.cut(title, to: Self.headerCharactersMax)))
                    ]
                    + Self.bounded(sections).map {
                        Block(type: "section", text: Text(type: "mrkdwn", text: $0, verbatim: true))
                    }
                return
            }
            listing = listing * 2 / 3
        }
    }

    var body: [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Strings always encode.
        return (try? encoder.encode(self)).map(Array.init) ?? []
    }

    /// The same message without blocks, for a webhook that refuses them.
    static func plain(_ body: [UInt8]) -> [UInt8]? {
        struct Sent: Decodable {
            struct Block: Decodable { var text: Words }
            struct Words: Decodable { var text: String }
            var blocks: [Block]
        }
        struct Plain: Encodable { var text: String }
        guard let sent = try? JSONDecoder().decode(Sent.self, from: Data(body)) else { return nil }
        let text = cut(sent.blocks.map(\.text.text).joined(separator: "\n\n"), to: 4000)
        return (try? JSONEncoder().encode(Plain(text: text))).map(Array.init)
    }

    private static func symbol(_ severity: Severity, _ kind: MessageKind) -> String {
        switch (kind, severity) {
        case (.recovered, _): "✅"
        case (.test, _): "🔔"
        case (_, .critical): "🔴"
        case (_, .warning): "🟠"
        case (_, .info): "ℹ️"
        }
    }

    private static func paragraphs(_ text: String) -> [String] {
        var paragraphs: [[Substring]] = [[]]
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.allSatisfy(\.isWhitespace) {
                paragraphs.append([])
            } else {
                paragraphs[paragraphs.count - 1].append(line)
            }
        }
        return paragraphs.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }
    }

    /// Whatever a template makes, the message stays within the limits.
    private static func bounded(_ sections: [String]) -> [String] {
        var left = budget - headerCharactersMax
        var kept: [String] = []
        for section in sections.prefix(blocksMax - 1) {
            let cut = cut(section, to: sectionCharactersMax)
            left -= cut.utf16.count
            guard left >= 0 else { break }
            kept.append(cut)
        }
        return kept
    }

    /// At most `max` UTF-16 units, without half an entity or half a link at the end.
    private static func cut(_ text: String, to max: Int) -> String {
        guard text.utf16.count > max else { return text }
        var kept = ""
        var count = 1
        for character in text {
            count += character.utf16.count
            if count > max { break }
            kept.append(character)
        }
        if let entity = kept.lastIndex(of: "&"), !kept[entity...].contains(";") { kept = String(kept[..<entity]) }
        if let link = kept.lastIndex(of: "<"), !kept[link...].contains(">") { kept = String(kept[..<link]) }
        return kept + "…"
    }
}
