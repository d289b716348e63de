/// Makes a server's message fit for logs: one line, no values.
///
/// PostgreSQL puts names in quotes, but messages of some classes quote or append the offending value itself, such as
/// `invalid input syntax for type json: …` (22P02) or whatever a RAISE says (P0001). DETAIL, HINT and CONTEXT are never
/// read at all, because `Key (email)=(…) already exists` and `Failing row contains (…)` stand there.
enum ServerMessage {
    /// Longest message kept, in characters.
    private static let lengthMax = 300

    /// Classes whose primary messages quote identifiers and settings only.
    private static let quotingNamesOnly: Set<String> = [
        "08", "0A", "23", "25", "26", "28", "2B", "34", "3B", "3D", "3F", "40", "42", "53", "55", "57",
    ]

    static func redacted(_ message: String, state: SQLState) -> String {
        var line = oneLine(message)
        if !quotingNamesOnly.contains(String(state.rawValue.prefix(2))) { line = withoutValues(line) }
        return String(line.prefix(lengthMax))
    }

    /// One line without a mark at the end; libpq reports several attempts on several lines and asks a question.
    static func oneLine(_ message: String) -> String {
        let lines = message.split(whereSeparator: \.isNewline).map { line in
            line.split(separator: " ").joined(separator: " ").split(separator: "\t").joined(separator: " ")
        }
        let line = lines.filter { !$0.isEmpty }.joined(separator: "; ")
        return line.hasSuffix(".") || line.hasSuffix("?") ? String(line.dropLast()) : line
    }

    /// Cuts at the first colon, and empties every pair of quotes before it.
    private static func withoutValues(_ line: String) -> String {
        let head = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)[0]
        let parts = head.split(separator: "\"", omittingEmptySubsequences: false)
        return parts.enumerated().map { $0.offset.isMultiple(of: 2) ? String($0.element) : "\"…\"" }.joined()
    }
}
