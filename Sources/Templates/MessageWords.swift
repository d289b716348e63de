/// The words of `words.text`: one `NAME: TEXT` a line, said in templates as `{{words.NAME}}`.
///
/// Layouts are the same in every language; a translator changes words alone.
enum MessageWords {
    static let template = "words.text"

    struct Line {
        let name: String
        let number: Int
    }

    /// The names that a file of words defines.
    ///
    /// - Throws: ``TemplateError/malformedWord(file:line:)`` for a line of another form.
    static func lines(_ text: String, file: String) throws(TemplateError) -> [Line] {
        var lines: [Line] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.allSatisfy(\.isWhitespace) || line.hasPrefix("{{!") { continue }
            guard let (name, _) = split(line) else { throw .malformedWord(file: file, line: index + 1) }
            lines.append(Line(name: name, number: index + 1))
        }
        return lines
    }

    /// The words of a rendered file; those without text are left out, so that sections skip them.
    static func values(_ rendered: String) -> [String: TemplateValue] {
        var values: [String: TemplateValue] = [:]
        for line in rendered.split(separator: "\n") {
            if let (name, text) = split(line), !text.isEmpty { values[name] = .text(text) }
        }
        return values
    }

    private static func split(_ line: Substring) -> (name: String, text: String)? {
        guard let colon = line.firstIndex(of: ":"), colon != line.startIndex,
            line[..<colon].allSatisfy({ $0.isASCII && $0.isLetter })
        else { return nil }
        return (
            String(line[..<colon]),
            line[line.index(after: colon)...].split(whereSeparator: \.isWhitespace).joined(separator: " ")
        )
    }
}
