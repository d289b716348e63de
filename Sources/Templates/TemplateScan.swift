/// The tags of a template's text, found before the parser sees it: what must not be there at all.
struct TemplateScan {
    struct Partial {
        let name: String
        let line: Int
    }

    /// A value or section that a tag names.
    struct Mention {
        let name: String
        let line: Int
    }

    private(set) var partials: [Partial] = []
    private(set) var mentions: [Mention] = []

    /// - Throws: ``TemplateError/refusedTag(file:line:tag:)``.
    init(_ text: String, file: String, target: TemplateTarget) throws(TemplateError) {
        var line = 1
        var rest = Substring(text)
        while let open = rest.firstRange(of: "{{") {
            line += rest[..<open.lowerBound].lines
            rest = rest[open.upperBound...]
            let blank = rest.prefix(while: \.isWhitespace)
            line += blank.lines
            rest = rest[blank.endIndex...]
            let body = rest.firstRange(of: "}}").map { rest[..<$0.lowerBound] } ?? rest
            switch rest.first {
            case "{" where !target.isPlain, "&" where !target.isPlain:
                throw .refusedTag(file: file, line: line, tag: "{{" + rest.prefix(1))
            // Other delimiters would hide tags from this scan; another content type would end the escaping.
            case "=", "%":
                throw .refusedTag(file: file, line: line, tag: "{{" + rest.prefix(1))
            case ">", "<":
                let name = body.dropFirst().drop(while: \.isWhitespace).prefix { !$0.isWhitespace }
                if name.hasPrefix("*") { throw .refusedTag(file: file, line: line, tag: "{{>*") }
                partials.append(Partial(name: String(name), line: line))
            case "!", "/", "$":
                break
            default:
                if let name = Self.name(body) { mentions.append(Mention(name: name, line: line)) }
            }
        }
    }

    /// The name of a value tag or a section's begin, out of its marks and transforms (`# count(name)`).
    private static func name(_ body: Substring) -> String? {
        let marks: Set<Character> = ["#", "^", "{", "}", "&"]
        var name = body.drop { marks.contains($0) || $0.isWhitespace }
        if let open = name.lastIndex(of: "(") { name = name[name.index(after: open)...].prefix { $0 != ")" } }
        name = name.prefix { !$0.isWhitespace && !marks.contains($0) }
        return name.isEmpty || name == "." ? nil : String(name)
    }
}

extension Substring {
    fileprivate var lines: Int { reduce(0) { $0 + ($1.isNewline ? 1 : 0) } }

    /// The first place of an ASCII text.
    fileprivate func firstRange(of text: String) -> Range<Index>? {
        guard let first = text.first else { return nil }
        var start = startIndex
        while let found = self[start...].firstIndex(of: first) {
            if self[found...].hasPrefix(text) { return found..<index(found, offsetBy: text.count) }
            start = index(after: found)
        }
        return nil
    }
}
