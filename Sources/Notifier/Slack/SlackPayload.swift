import Domain
import FoundationEssentials
import Templates

/// A Slack message: Block Kit with a plain text for notifications and old clients.
struct SlackPayload: Codable, Equatable {
    var text: String
    var blocks: [SlackBlock]
    var unfurlLinks = false
    var unfurlMedia = false

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

    /// - Parameters:
    ///   - buttons: stand at the end, when the message can be acted on.
    ///   - render: the template's text with so many channels named; paragraphs become sections.
    init(
        title: String, severity: Severity, kind: MessageKind, buttons: SlackBlock? = nil,
        render: (Int) throws(TemplateError) -> String
    ) throws(TemplateError) {
        let title = TemplateTarget.slack.escaped(Self.symbol(severity, kind) + " " + title)
        let room = Self.blocksMax - 1 - (buttons == nil ? 0 : 1)
        var listing = Self.listed
        while true {
            let sections = Self.paragraphs(try render(listing))
            let size = title.utf16.count + sections.reduce(0) { $0 + $1.utf16.count }
            let fits = size <= Self.budget && sections.count <= room
            if fits || listing == 0 {
                text = Self.cut(title, to: Self.sectionCharactersMax)
                blocks =
                    [.header(Self.cut(title, to: Self.headerCharactersMax))]
                    + Self.bounded(sections, max: room).map { .section($0) } + [buttons].compactMap(\.self)
                return
            }
            listing = listing * 2 / 3
        }
    }

    init?(_ body: [UInt8]) {
        guard let payload = try? JSONDecoder().decode(SlackPayload.self, from: Data(body)) else { return nil }
        self = payload
    }

    var body: [UInt8] { Self.json(self) }

    static func json(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Strings always encode.
        return (try? encoder.encode(value)).map(Array.init) ?? []
    }

    /// The words of the message without blocks, for a receiver that refuses those.
    var plainText: String {
        Self.cut(blocks.compactMap(\.text?.text).joined(separator: "\n\n"), to: 4000)
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
    private static func bounded(_ sections: [String], max: Int) -> [String] {
        var left = budget - headerCharactersMax
        var kept: [String] = []
        for section in sections.prefix(max) {
            let cut = cut(section, to: sectionCharactersMax)
            left -= cut.utf16.count
            guard left >= 0 else { break }
            kept.append(cut)
        }
        return kept
    }

    /// At most `max` UTF-16 units, without half an entity or half a link at the end.
    static func cut(_ text: String, to max: Int) -> String {
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
