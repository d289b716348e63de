import FoundationEssentials
import Runtime

/// Standard output and error; colour only on a terminal without `NO_COLOR`.
enum Terminal {
    enum Colour: String { case green = "32", yellow = "33", red = "31", dim = "2", bold = "1" }

    static let hasColour =
        ProcessGuard.isTerminal && ProcessInfo.processInfo.environment["NO_COLOR", default: ""].isEmpty

    static func line(_ text: String = "") {
        ProcessGuard.writeOutput(text + "\n")
    }

    static func error(_ text: String) {
        ProcessGuard.writeError(text + "\n")
    }

    /// Long work's standing, over and over on one line of a terminal; nothing elsewhere.
    static func progress(_ text: String) {
        if ProcessGuard.isTerminal { ProcessGuard.writeError("\r\(text)\u{1B}[K") }
    }

    /// Takes the line of ``progress(_:)`` away.
    static func endProgress() {
        if ProcessGuard.isTerminal { ProcessGuard.writeError("\r\u{1B}[K") }
    }

    static func paint(_ text: String, _ colour: Colour) -> String {
        hasColour ? "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// Columns of text, left-aligned, separated by two spaces.
    static func table(_ rows: [[String]]) {
        for text in columns(rows) { line(text) }
    }

    static func columns(_ rows: [[String]]) -> [String] {
        guard let first = rows.first else { return [] }
        let widths = first.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { index, cell in
                index == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[index] - cell.count)
            }.joined(separator: "  ")
        }
    }
}
