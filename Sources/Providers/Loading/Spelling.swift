/// Finds the name that a mistyped one was meant to be.
enum Spelling {
    /// `did you mean “token”?`, or the known names after `fallback`.
    static func hint(for text: String, among known: [String], else fallback: String) -> String {
        guard let nearest = nearest(to: text, among: known) else {
            return "\(fallback) \(known.joined(separator: ", "))."
        }
        return "did you mean “\(nearest)”?"
    }

    /// The known name that is fewest letters away, if it is at most a third of its length, two at least.
    static func nearest(to text: String, among known: [String]) -> String? {
        guard text.utf8.count <= 60 else { return nil }
        let text = Array(text.lowercased().utf8)
        let ranked = known.map { (name: $0, distance: distance(text, Array($0.lowercased().utf8))) }
        guard let best = ranked.min(by: { $0.distance < $1.distance }),
            best.distance <= max(2, best.name.utf8.count / 3), best.distance < text.count
        else { return nil }
        return best.name
    }

    /// Letters to add, leave out or change (Levenshtein).
    private static func distance(_ one: [UInt8], _ other: [UInt8]) -> Int {
        var row = Array(0...other.count)
        for (index, letter) in one.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for (column, wanted) in other.enumerated() {
                let changed = diagonal + (letter == wanted ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(changed, row[column] + 1, diagonal + 1)
            }
        }
        return row[other.count]
    }
}
