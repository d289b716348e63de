/// The numbers that one field of a cron allows.
struct CronField: Sendable, Equatable {
    /// What the five fields are called, and what may stand in them.
    enum Kind: String, CaseIterable {
        case minute
        case hour
        case day = "day of the month"
        case month
        case weekday = "day of the week"

        var range: ClosedRange<Int> {
            switch self {
            case .minute: 0...59
            case .hour: 0...23
            case .day: 1...31
            case .month: 1...12
            case .weekday: 0...7
            }
        }

        /// Three letters of English, counted from the range's start.
        var names: [String] {
            switch self {
            case .month: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
            case .weekday: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
            case .minute, .hour, .day: []
            }
        }
    }

    /// Ascending; Sunday is 0 only.
    let values: [Int]
    /// The field begins with `*`: it restricts nothing, or by a step only.
    let isStar: Bool

    func allows(_ value: Int) -> Bool { values.contains(value) }

    /// - Throws: ``CronError`` that names the field.
    init(_ text: Substring, _ kind: Kind) throws(CronError) {
        var found: Set<Int> = []
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            found.formUnion(try Self.numbers(of: item, kind))
        }
        if kind == .weekday, found.remove(7) != nil { found.insert(0) }
        values = found.sorted()
        isStar = text.hasPrefix("*")
    }

    /// `*`, `5`, `mon`, `1-5`, and each of them but a single number with `/step`.
    private static func numbers(of item: Substring, _ kind: Kind) throws(CronError) -> [Int] {
        let parts = item.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, !parts[0].isEmpty else { throw mistake(item, kind) }
        let range = try range(of: parts[0], item, kind)
        guard parts.count == 2 else { return Array(range) }
        guard let step = Int(parts[1]), step > 0, step <= kind.range.upperBound else {
            throw CronError(
                "The \(kind.rawValue) `\(item)` has no usable step: write a number from 1 to \(kind.range.upperBound) after `/`."
            )
        }
        // `5/15` means from 5 on, as Vixie's cron has it.
        let end = parts[0].contains("-") || parts[0] == "*" ? range.upperBound : kind.range.upperBound
        return Array(stride(from: range.lowerBound, through: end, by: step))
    }

    private static func range(
        of text: Substring, _ item: Substring, _ kind: Kind
    ) throws(CronError) -> ClosedRange<Int> {
        if text == "*" {
            // Sunday has two numbers; the star counts it once.
            return kind == .weekday ? 0...6 : kind.range
        }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count <= 2, let first = number(ends[0], kind), let last = number(ends[ends.count - 1], kind) else {
            throw mistake(item, kind)
        }
        guard first <= last else {
            throw CronError(
                "The \(kind.rawValue) `\(item)` runs backwards: write the smaller number first, or two parts with a comma."
            )
        }
        return first...last
    }

    private static func number(_ text: Substring, _ kind: Kind) -> Int? {
        if let index = kind.names.firstIndex(of: text.lowercased()) { return index + kind.range.lowerBound }
        guard text.allSatisfy(\.isASCII), text.allSatisfy(\.isNumber), let number = Int(text),
            kind.range.contains(number)
        else { return nil }
        return number
    }

    private static func mistake(_ item: Substring, _ kind: Kind) -> CronError {
        let range = kind.range
        let names = kind.names.isEmpty ? "" : ", names such as `\(kind.names[1])`"
        return CronError(
            "The \(kind.rawValue) `\(item.prefix(40))` is none: write numbers from \(range.lowerBound) to "
                + "\(range.upperBound)\(names), `*`, ranges `a-b`, lists `a,b` and steps `*/n`.")
    }
}
