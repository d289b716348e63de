/// Crons as settings hold them: checked for their form here, given their meaning by the scheduler that runs them.
enum CronText {
    /// Whether the text has five fields of numbers, names, `*`, `,`, `-` and `/`, each number within the field's range.
    static func isPlausible(_ text: String) -> Bool {
        let fields = text.split(whereSeparator: \.isWhitespace)
        guard fields.count == 5 else { return false }
        return zip(fields, ranges).allSatisfy { field, range in
            field.split(separator: ",", omittingEmptySubsequences: false).allSatisfy { isItem($0, in: range) }
        }
    }

    /// The times of `30m; 0 3 * * *`; nil when a piece is neither an interval of at least a second nor a cron.
    static func sweepTimes(_ text: String) -> [Settings.SweepTime]? {
        var times: [Settings.SweepTime] = []
        for piece in text.split(whereSeparator: { $0 == ";" || $0.isNewline }) {
            let piece = piece.trimmingWhitespace()
            if piece.isEmpty { continue }
            if isPlausible(piece) {
                times.append(.cron(piece))
                continue
            }
            for interval in piece.split(separator: ",") {
                guard let every = DurationText.parse(interval.trimmingWhitespace()), every >= .seconds(1) else {
                    return nil
                }
                times.append(.every(every))
            }
        }
        return times.isEmpty || times.count > 50 ? nil : times
    }

    private static let ranges = [0...59, 0...23, 1...31, 1...12, 0...7]
    private static let names: Set<String> = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        "sun", "mon", "tue", "wed", "thu", "fri", "sat",
    ]

    private static func isItem(_ item: Substring, in range: ClosedRange<Int>) -> Bool {
        let halves = item.split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count <= 2 else { return false }
        if halves.count == 2 {
            guard let step = Int(halves[1]), step > 0 else { return false }
        }
        if halves[0] == "*" { return true }
        let ends = halves[0].split(separator: "-", omittingEmptySubsequences: false)
        return ends.count <= 2
            && ends.allSatisfy { end in Int(end).map(range.contains) ?? names.contains(end.lowercased()) }
    }
}
