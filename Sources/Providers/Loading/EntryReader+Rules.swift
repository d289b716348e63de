import Domain

extension EntryReader {
    static let rulesMax = 300

    func rules() throws(CatalogueError) -> [Rule] {
        guard resolved.errors.count <= Self.rulesMax else {
            throw refused("The entry “\(resolved.name)” has more than \(Self.rulesMax) rules with the inherited ones.")
        }
        var rules: [Rule] = []
        for node in resolved.errors { rules.append(try rule(node)) }
        return rules
    }

    private func rule(_ node: CatalogueNode) throws(CatalogueError) -> Rule {
        let map = try node.map("A rule", known: ["when", "class", "reason", "first", "wait", "consumed"])
        guard let when = map["when"], let answerClass = map["class"], let reason = map["reason"] else {
            throw node.refused("A rule needs when, class and reason.")
        }
        let conditions = try when.map("when", known: ["phase", "status", "body"])
        guard !conditions.isEmpty else { throw when.refused("A rule's “when” needs phase, status or body.") }
        let name = try reason.text("reason")
        guard (1...64).contains(name.utf8.count),
            name.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "_") })
        else {
            throw reason.refused("A rule's reason is lower case letters, digits and underscores, at most 64.")
        }
        var first: String?
        if let node = map["first"], !node.isNull {
            first = try node.text("first")
            guard first == "relocate" || first == "dpop_nonce" else {
                throw node.refused("first can only be relocate.")
            }
        }
        return Rule(
            phase: try conditions["phase"]?.choice("when.phase", of: Phase.self),
            statuses: try conditions["status"].map { node throws(CatalogueError) in try statuses(node) } ?? [],
            conditions: try conditions["body"].map { node throws(CatalogueError) in try body(node) } ?? [],
            answerClass: try answerClass.choice("class", of: AnswerClass.self), reason: name, first: first,
            wait: try duration(map, "wait", "rule"), consumed: try map["consumed"]?.bool("consumed"),
            place: node.place)
    }

    private func statuses(_ node: CatalogueNode) throws(CatalogueError) -> [Rule.Status] {
        var statuses: [Rule.Status] = []
        for text in try node.texts("when.status") {
            if text.utf8.count == 3, text.hasSuffix("xx"), let hundred = text.first?.wholeNumberValue,
                (2...5).contains(hundred)
            {
                statuses.append(.hundred(hundred))
            } else if let status = Int(text), (100...599).contains(status) {
                statuses.append(.exact(status))
            } else {
                throw node.refused("when.status must be a status such as 429, a list of them, or \"4xx\".")
            }
        }
        guard !statuses.isEmpty else { throw node.refused("when.status is empty.") }
        return statuses
    }

    private func body(_ node: CatalogueNode) throws(CatalogueError) -> [(path: BodyPath, condition: Rule.Condition)] {
        guard let fields = node.fields, !fields.isEmpty else {
            throw node.refused("when.body must be a mapping of paths to values.")
        }
        var conditions: [(path: BodyPath, condition: Rule.Condition)] = []
        for field in fields {
            guard let path = BodyPath(field.name) else {
                throw field.value.refused(
                    "when.body: “\(field.name.prefix(60))” is not a path such as data.error_code.")
            }
            conditions.append((path, try condition(field.value)))
        }
        return conditions
    }

    private func condition(_ node: CatalogueNode) throws(CatalogueError) -> Rule.Condition {
        guard node.fields != nil else {
            let wanted = try node.texts("A value in when.body")
            guard !wanted.isEmpty else { throw node.refused("A list in when.body is empty.") }
            return .oneOf(wanted)
        }
        let map = try node.map("A condition", known: ["re", "exists"])
        guard map.count == 1 else { throw node.refused("A condition is {re: …} or {exists: …}.") }
        if let re = map["re"] { return .pattern(try pattern(re, "re")) }
        return .exists(try map["exists"]?.bool("exists") ?? true)
    }

    // MARK: - Examples

    func examples() throws(CatalogueError) -> [Example] {
        var examples: [Example] = []
        for node in try self["examples"]?.list("examples") ?? [] {
            let map = try node.map("An example", known: ["name", "phase", "status", "headers", "body", "expect"])
            guard let name = map["name"], let status = map["status"], let body = map["body"], let expect = map["expect"]
            else { throw node.refused("An example needs name, status, body and expect.") }
            let expected = try expect.text("expect")
            guard expected == "ok" || AnswerClass(rawValue: expected) != nil else {
                throw expect.refused("expect must be ok or a class such as reauth.")
            }
            var headers: [HeaderField] = []
            for (name, value) in try map["headers"]?.map("headers").sorted(by: { $0.key < $1.key }) ?? [] {
                headers.append(HeaderField(name, try value.text("headers.\(name)")))
            }
            examples.append(
                Example(
                    name: try name.text("name"), phase: try map["phase"]?.choice("phase", of: Phase.self) ?? .refresh,
                    status: try status.int("status", in: 100...599), headers: headers, body: Self.bytes(of: body),
                    expected: expected, place: node.place))
        }
        return examples
    }

    /// A mapping stands for its JSON; a text is the body itself.
    private static func bytes(of node: CatalogueNode) -> [UInt8] {
        if case .scalar(let text, _) = node.content { return Array(text.utf8) }
        var out: [UInt8] = []
        json(node, to: &out)
        return out
    }

    private static func json(_ node: CatalogueNode, to out: inout [UInt8]) {
        switch node.content {
        case .scalar(let text, let isPlain):
            if isPlain, node.isNull {
                out += Array("null".utf8)
            } else if isPlain, text == "true" || text == "false" || isNumber(text) {
                out += Array(text.utf8)
            } else {
                JSONText.string(text, to: &out)
            }
        case .list(let items):
            out.append(UInt8(ascii: "["))
            for (number, item) in items.enumerated() {
                if number > 0 { out.append(UInt8(ascii: ",")) }
                json(item, to: &out)
            }
            out.append(UInt8(ascii: "]"))
        case .map(let fields):
            out.append(UInt8(ascii: "{"))
            for (number, field) in fields.enumerated() {
                if number > 0 { out.append(UInt8(ascii: ",")) }
                JSONText.string(field.name, to: &out)
                out.append(UInt8(ascii: ":"))
                json(field.value, to: &out)
            }
            out.append(UInt8(ascii: "}"))
        }
    }

    private static func isNumber(_ text: String) -> Bool {
        if case .number? = JSONParser.parse(Array(text.utf8)) { true } else { false }
    }
}
