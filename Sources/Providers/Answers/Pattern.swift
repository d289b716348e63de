/// A regular expression of a bounded kind, matched in time proportional to text × pattern whatever the pattern.
///
/// Literals, `.`, classes, `\d \w \s \b` and their opposites, `^ $` for the whole text, groups, `|`, `* + ? {n,m}`, and
/// `(?i)` at the beginning. No references, no look-around: a catalogue file cannot stop a replica with a pattern.
struct Pattern: Sendable {
    static let scalarsMax = 2048

    enum Step: Sendable {
        case scalar(UInt32)
        case set(ScalarSet)
        case split(Int, Int)
        case jump(Int)
        case start, end, boundary
        case match
    }

    struct ScalarSet: Sendable {
        var ranges: [ClosedRange<UInt32>]
        var isNegated: Bool

        func contains(_ scalar: UInt32) -> Bool { ranges.contains { $0.contains(scalar) } != isNegated }
    }

    let steps: [Step]
    let ignoresCase: Bool

    /// Whether it matches anywhere in the first 2,048 scalars.
    func matches(_ text: String) -> Bool { run(on: text, whole: false) }

    /// Whether the whole text, at most 2,048 scalars, matches.
    func matchesWhole(_ text: String) -> Bool { run(on: text, whole: true) }

    private func run(on text: String, whole: Bool) -> Bool {
        var scalars = text.unicodeScalars.prefix(Self.scalarsMax + 1).map(\.value)
        let isCut = scalars.count > Self.scalarsMax
        if isCut {
            if whole { return false }
            scalars.removeLast()
        }
        var threads = ThreadList(capacity: steps.count)
        var next = ThreadList(capacity: steps.count)
        for position in 0...scalars.count {
            if !whole || position == 0 {
                add(0, to: &threads, at: position, of: scalars, isCut: isCut)
            }
            next.clear()
            for thread in threads.members {
                switch steps[thread] {
                case .match:
                    if !whole || position == scalars.count { return true }
                case .scalar(let wanted):
                    if position < scalars.count, fold(scalars[position]) == wanted {
                        add(thread + 1, to: &next, at: position + 1, of: scalars, isCut: isCut)
                    }
                case .set(let set):
                    if position < scalars.count, contains(set, scalars[position]) {
                        add(thread + 1, to: &next, at: position + 1, of: scalars, isCut: isCut)
                    }
                case .split, .jump, .start, .end, .boundary:
                    break
                }
            }
            swap(&threads, &next)
            if whole, threads.members.isEmpty { return false }
        }
        return false
    }

    /// Follows the steps that take no text.
    private func add(_ first: Int, to list: inout ThreadList, at position: Int, of text: [UInt32], isCut: Bool) {
        var pending = [first]
        while let step = pending.popLast() {
            guard list.insert(step) else { continue }
            switch steps[step] {
            case .jump(let target): pending.append(target)
            case .split(let left, let right): pending += [right, left]
            case .start where position == 0: pending.append(step + 1)
            case .end where position == text.count && !isCut: pending.append(step + 1)
            case .boundary:
                let before = position > 0 && Self.isWord(text[position - 1])
                let after = position < text.count && Self.isWord(text[position])
                if before != after { pending.append(step + 1) }
            case .start, .end, .scalar, .set, .match: break
            }
        }
    }

    private func contains(_ set: ScalarSet, _ scalar: UInt32) -> Bool {
        guard ignoresCase else { return set.contains(scalar) }
        let folded = Self.lower(scalar)
        let isInside = { (scalar: UInt32) in set.ranges.contains { $0.contains(scalar) } }
        return (isInside(scalar) || isInside(folded) || isInside(Self.upper(scalar))) != set.isNegated
    }

    private func fold(_ scalar: UInt32) -> UInt32 { ignoresCase ? Self.lower(scalar) : scalar }

    static func lower(_ scalar: UInt32) -> UInt32 {
        if scalar < 128 { return (65...90).contains(scalar) ? scalar + 32 : scalar }
        return single(Unicode.Scalar(scalar)?.properties.lowercaseMapping) ?? scalar
    }

    private static func upper(_ scalar: UInt32) -> UInt32 {
        if scalar < 128 { return (97...122).contains(scalar) ? scalar - 32 : scalar }
        return single(Unicode.Scalar(scalar)?.properties.uppercaseMapping) ?? scalar
    }

    private static func single(_ mapping: String?) -> UInt32? {
        guard let mapping, mapping.unicodeScalars.count == 1 else { return nil }
        return mapping.unicodeScalars.first?.value
    }

    private static func isWord(_ scalar: UInt32) -> Bool {
        guard scalar >= 128 else { return PatternParser.word.contains { $0.contains(scalar) } }
        return Unicode.Scalar(scalar)?.properties.isAlphabetic ?? false
    }
}

/// Steps that are active at one position, each once.
private struct ThreadList {
    private(set) var members: [Int] = []
    private var isMember: [Bool]

    init(capacity: Int) {
        isMember = Array(repeating: false, count: capacity)
    }

    mutating func insert(_ step: Int) -> Bool {
        guard !isMember[step] else { return false }
        isMember[step] = true
        members.append(step)
        return true
    }

    mutating func clear() {
        for step in members { isMember[step] = false }
        members.removeAll(keepingCapacity: true)
    }
}
