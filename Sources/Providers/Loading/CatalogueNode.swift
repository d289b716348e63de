/// One value of a catalogue file with the place it stands at; what a YAML node becomes before it is understood.
struct CatalogueNode: Sendable {
    /// A named value of a mapping.
    struct Field: Sendable {
        let name: String
        let line: Int
        let value: CatalogueNode
    }

    enum Content: Sendable {
        /// A plain scalar may be null, a number or a boolean; a quoted one is text.
        case scalar(String, isPlain: Bool)
        case list([CatalogueNode])
        case map([Field])
    }

    let content: Content
    let file: String
    let line: Int

    var place: CataloguePlace { CataloguePlace(file: file, line: line) }

    func refused(_ sentence: String) -> CatalogueError {
        CatalogueError(file: file, line: line, sentence: sentence)
    }

    var isNull: Bool {
        if case .scalar(let text, isPlain: true) = content { return ["", "~", "null", "Null", "NULL"].contains(text) }
        return false
    }

    var fields: [Field]? {
        if case .map(let fields) = content { return fields }
        return nil
    }
}

// MARK: - Typed reading; every refusal names what was expected

extension CatalogueNode {
    func text(_ what: String) throws(CatalogueError) -> String {
        guard case .scalar(let text, _) = content, !isNull else {
            let hint = isNull ? "." : "; a value that begins with { or [ is put in quotes."
            throw refused("\(what) must be a text\(hint)")
        }
        guard text.utf8.count <= 16_384, !text.unicodeScalars.contains(where: { $0.value == 0 }) else {
            throw refused("\(what) is too long or holds a NUL.")
        }
        return text
    }

    func bool(_ what: String) throws(CatalogueError) -> Bool {
        switch try text(what) {
        case "true", "yes": return true
        case "false", "no": return false
        default: throw refused("\(what) must be true or false.")
        }
    }

    func int(_ what: String, in range: ClosedRange<Int>) throws(CatalogueError) -> Int {
        guard let number = Int(try text(what)), range.contains(number) else {
            throw refused("\(what) must be a whole number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    func choice<Choice: RawRepresentable & CaseIterable>(
        _ what: String, of type: Choice.Type
    ) throws(CatalogueError) -> Choice where Choice.RawValue == String {
        let text = try text(what)
        guard let choice = Choice(rawValue: text) else {
            let hint = Spelling.hint(for: text, among: Choice.allCases.map(\.rawValue), else: "it must be one of")
            throw refused("\(what) “\(text.prefix(60))” is not known; \(hint)")
        }
        return choice
    }

    func list(_ what: String) throws(CatalogueError) -> [CatalogueNode] {
        guard case .list(let items) = content else { throw refused("\(what) must be a list.") }
        return items
    }

    /// A list of texts, or one text alone.
    func texts(_ what: String) throws(CatalogueError) -> [String] {
        guard case .list(let items) = content else { return [try text(what)] }
        var texts: [String] = []
        for item in items { texts.append(try item.text(what)) }
        return texts
    }

    /// The fields of a mapping by name.
    ///
    /// - Parameter known: all names there may be; nil allows any.
    func map(_ what: String, known: Set<String>? = nil) throws(CatalogueError) -> [String: CatalogueNode] {
        guard let fields else { throw refused("\(what) must be a mapping.") }
        var map: [String: CatalogueNode] = [:]
        for field in fields {
            if let known, !known.contains(field.name) {
                let hint = Spelling.hint(for: field.name, among: known.sorted(), else: "the known ones are")
                throw CatalogueError(
                    file: file, line: field.line, sentence: "\(what) has no field “\(field.name.prefix(60))”; \(hint)")
            }
            map[field.name] = field.value
        }
        return map
    }

    /// `30s 10m 24h 60d`; at most 36,500 days.
    func duration(_ what: String) throws(CatalogueError) -> Duration {
        guard let duration = Duration(catalogueText: try text(what)) else {
            throw refused("\(what) must be a duration such as 30s, 10m, 24h or 60d.")
        }
        return duration
    }
}

extension Duration {
    /// `30s 10m 24h 60d`; nil for anything else and beyond 36,500 days.
    init?(catalogueText text: String) {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let last = text.last, let unit = units[last] else { return nil }
        let digits = text.dropLast()
        guard !digits.isEmpty, digits.utf8.count <= 10, digits.utf8.allSatisfy({ (48...57).contains($0) }),
            let count = Int64(digits), count * unit <= 36_500 * 86_400
        else { return nil }
        self = .seconds(count * unit)
    }
}
