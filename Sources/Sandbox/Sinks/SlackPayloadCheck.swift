/// Slack's published limits on messages, as a receiver sees them (docs.slack.dev, Block Kit reference).
package enum SlackPayloadCheck {
    package static let blocksMax = 50
    /// Undocumented; messages above were refused with `msg_blocks_too_long`.
    package static let charactersMax = 13_200

    /// What Slack would refuse in a message's JSON, a sentence each; empty: nothing.
    package static func problems(in body: [UInt8]) -> [String] {
        guard let payload = try? JSONValue(parsing: body), case .object = payload else {
            return ["it is no JSON object"]
        }
        return problems(in: payload)
    }

    static func problems(in payload: JSONValue) -> [String] {
        var problems: [String] = []
        let text = payload["text"]?.string ?? ""
        if length(text) > 40_000 { problems.append("the text is longer than 40,000 characters") }
        guard let blocks = payload["blocks"] else { return problems }
        guard case .array(let items) = blocks else { return problems + ["blocks is no list"] }
        if items.count > blocksMax { problems.append("there are \(items.count) blocks, more than \(blocksMax)") }
        if items.reduce(0, { $0 + characters(in: $1) }) > charactersMax {
            problems.append("the blocks have more than \(charactersMax) characters")
        }
        let ids = items.compactMap { $0["block_id"]?.string }
        if Set(ids).count != ids.count { problems.append("a block_id stands there twice") }
        for (index, block) in items.enumerated() {
            problems += Self.block(block).map { "block \(index): \($0)" }
        }
        return problems
    }

    private static func block(_ block: JSONValue) -> [String] {
        var problems: [String] = []
        if let id = block["block_id"]?.string, length(id) > 255 { problems.append("block_id is longer than 255") }
        switch block["type"]?.string {
        case "header":
            problems += textObject(block["text"], types: ["plain_text"], max: 150)
        case "section":
            let fields = block["fields"]?.elements ?? []
            if fields.isEmpty || block["text"] != nil {
                problems += textObject(block["text"], types: ["plain_text", "mrkdwn"], max: 3000)
            }
            if fields.count > 10 { problems.append("more than 10 fields") }
            for field in fields { problems += textObject(field, types: ["plain_text", "mrkdwn"], max: 2000) }
        case "context":
            let elements = block["elements"]?.elements ?? []
            if !(1...10).contains(elements.count) { problems.append("not 1 to 10 elements") }
            for element in elements { problems += textObject(element, types: ["plain_text", "mrkdwn"], max: 3000) }
        case "actions":
            let elements = block["elements"]?.elements ?? []
            if !(1...25).contains(elements.count) { problems.append("not 1 to 25 elements") }
            let ids = elements.compactMap { $0["action_id"]?.string }
            if Set(ids).count != ids.count { problems.append("an action_id stands there twice") }
            for element in elements { problems += button(element) }
        case "divider": break
        case let other: problems.append("no such block: \(other ?? "without type")")
        }
        return problems
    }

    private static func button(_ element: JSONValue) -> [String] {
        guard element["type"]?.string == "button" else { return ["an element is no button"] }
        var problems = textObject(element["text"], types: ["plain_text"], max: 75)
        for (name, max) in [("action_id", 255), ("value", 2000), ("url", 3000)] {
            if let text = element[name]?.string, length(text) > max { problems.append("\(name) is longer than \(max)") }
        }
        if let style = element["style"]?.string, style != "primary", style != "danger" {
            problems.append("no such style: \(style)")
        }
        return problems
    }

    private static func textObject(_ object: JSONValue?, types: [String], max: Int) -> [String] {
        guard let object, let type = object["type"]?.string, let text = object["text"]?.string else {
            return ["the text is missing"]
        }
        var problems: [String] = []
        if !types.contains(type) { problems.append("the text may not be \(type)") }
        if type == "plain_text", object["verbatim"] != nil { problems.append("verbatim is for mrkdwn alone") }
        if !(1...max).contains(length(text)) {
            problems.append("a text of \(length(text)) is not 1 to \(max) characters")
        }
        return problems
    }

    private static func characters(in block: JSONValue) -> Int {
        let texts = [block["text"]?["text"]?.string].compactMap(\.self)
        let more = ((block["fields"]?.elements ?? []) + (block["elements"]?.elements ?? [])).compactMap { element in
            element["text"]?.string ?? element["text"]?["text"]?.string
        }
        return (texts + more).reduce(0) { $0 + length($1) }
    }

    /// Slack counts UTF-16 units.
    private static func length(_ text: String) -> Int { text.utf16.count }
}
