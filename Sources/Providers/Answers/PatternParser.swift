extension Pattern {
    /// Why a pattern is refused.
    struct Fault: Error {
        let sentence: String
    }

    init(_ text: String) throws(Fault) {
        guard text.unicodeScalars.count <= 500 else {
            throw Fault(sentence: "The pattern is longer than 500 characters.")
        }
        var parser = PatternParser(Array(text.unicodeScalars))
        let tree = try parser.parse()
        var steps: [Step] = []
        try PatternParser.write(tree, to: &steps, ignoringCase: parser.ignoresCase)
        steps.append(.match)
        self.steps = steps
        ignoresCase = parser.ignoresCase
    }
}

/// Recursive descent over a pattern's text.
struct PatternParser {
    static let stepsMax = 2000
    static let word: [ClosedRange<UInt32>] = [48...57, 65...90, 95...95, 97...122]
    private static let digit: [ClosedRange<UInt32>] = [48...57]
    private static let space: [ClosedRange<UInt32>] = [9...13, 32...32, 160...160]

    indirect enum Tree {
        case step(Pattern.Step)
        case sequence([Tree])
        case choice([Tree])
        case repetition(Tree, from: Int, to: Int?)
    }

    private let text: [Unicode.Scalar]
    private var index = 0
    private var depth = 0
    private(set) var ignoresCase = false

    init(_ text: [Unicode.Scalar]) {
        self.text = text
    }

    private var current: Unicode.Scalar? { index < text.count ? text[index] : nil }

    mutating func parse() throws(Pattern.Fault) -> Tree {
        if text.starts(with: ["(", "?", "i", ")"]) {
            ignoresCase = true
            index = 4
        }
        let tree = try choice()
        guard index == text.count else { throw Pattern.Fault(sentence: "The pattern has a “)” too many.") }
        return tree
    }

    private mutating func choice() throws(Pattern.Fault) -> Tree {
        depth += 1
        defer { depth -= 1 }
        guard depth <= 20 else { throw Pattern.Fault(sentence: "The pattern's groups are nested too deeply.") }
        var branches = [try sequence()]
        while current == "|" {
            index += 1
            branches.append(try sequence())
        }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence() throws(Pattern.Fault) -> Tree {
        var items: [Tree] = []
        while let scalar = current, scalar != "|", scalar != ")" {
            let atom = try atom()
            items.append(try repeated(atom))
        }
        return .sequence(items)
    }

    private mutating func repeated(_ atom: Tree) throws(Pattern.Fault) -> Tree {
        let bounds: (Int, Int?)
        switch current {
        case "*": bounds = (0, nil)
        case "+": bounds = (1, nil)
        case "?": bounds = (0, 1)
        case "{":
            guard let close = text[index...].firstIndex(of: "}") else {
                throw Pattern.Fault(sentence: "The pattern's “{” is not closed; write \\{ for the character.")
            }
            let inner = String(String.UnicodeScalarView(text[(index + 1)..<close]))
            let pieces = inner.split(separator: ",", omittingEmptySubsequences: false)
            guard pieces.count <= 2, let low = Int(pieces[0]), (0...100).contains(low) else {
                throw Pattern.Fault(sentence: "The pattern's repetition must be {n}, {n,} or {n,m} up to 100.")
            }
            let high: Int? = pieces.count == 1 ? low : Int(pieces[1])
            guard pieces.count == 1 || pieces[1].isEmpty || high.map({ (low...100).contains($0) }) == true else {
                throw Pattern.Fault(sentence: "The pattern's repetition must be {n}, {n,} or {n,m} up to 100.")
            }
            index = close
            bounds = (low, high)
        default: return atom
        }
        index += 1
        if current == "?" { index += 1 }
        if let scalar = current, "*+?{".unicodeScalars.contains(scalar) {
            throw Pattern.Fault(sentence: "The pattern repeats a repetition; put it into a group.")
        }
        return .repetition(atom, from: bounds.0, to: bounds.1)
    }

    private mutating func atom() throws(Pattern.Fault) -> Tree {
        guard let scalar = current else { throw Pattern.Fault(sentence: "The pattern ends too early.") }
        index += 1
        switch scalar {
        case "(":
            if current == "?" {
                guard index + 1 < text.count, text[index + 1] == ":" else {
                    throw Pattern.Fault(
                        sentence: "The pattern uses a group this engine lacks: (?i) at the beginning and (?:…) are all."
                    )
                }
                index += 2
            }
            let inner = try choice()
            guard current == ")" else { throw Pattern.Fault(sentence: "The pattern's “(” is not closed.") }
            index += 1
            return inner
        case "[": return .step(.set(try set()))
        case ".": return .step(.set(Pattern.ScalarSet(ranges: [10...10], isNegated: true)))
        case "^": return .step(.start)
        case "$": return .step(.end)
        case "*", "+", "?", "{": throw Pattern.Fault(sentence: "The pattern repeats nothing at “\(scalar)”.")
        case "\\": return .step(try escape())
        default: return .step(.scalar(scalar.value))
        }
    }

    private mutating func escape() throws(Pattern.Fault) -> Pattern.Step {
        if current == "b" {
            index += 1
            return .boundary
        }
        let set = try escapedSet()
        if !set.isNegated, set.ranges.count == 1, set.ranges[0].count == 1 { return .scalar(set.ranges[0].lowerBound) }
        return .set(set)
    }

    private mutating func escapedSet() throws(Pattern.Fault) -> Pattern.ScalarSet {
        guard let scalar = current else { throw Pattern.Fault(sentence: "The pattern ends in a backslash.") }
        index += 1
        switch scalar {
        case "d", "D": return Pattern.ScalarSet(ranges: Self.digit, isNegated: scalar == "D")
        case "w", "W": return Pattern.ScalarSet(ranges: Self.word, isNegated: scalar == "W")
        case "s", "S": return Pattern.ScalarSet(ranges: Self.space, isNegated: scalar == "S")
        case "n": return Pattern.ScalarSet(ranges: [10...10], isNegated: false)
        case "r": return Pattern.ScalarSet(ranges: [13...13], isNegated: false)
        case "t": return Pattern.ScalarSet(ranges: [9...9], isNegated: false)
        default:
            guard !scalar.properties.isAlphabetic, scalar.properties.numericType == nil else {
                throw Pattern.Fault(sentence: "The pattern's “\\\(scalar)” is not known here.")
            }
            return Pattern.ScalarSet(ranges: [scalar.value...scalar.value], isNegated: false)
        }
    }

    private mutating func set() throws(Pattern.Fault) -> Pattern.ScalarSet {
        var set = Pattern.ScalarSet(ranges: [], isNegated: false)
        if current == "^" {
            set.isNegated = true
            index += 1
        }
        while let scalar = current, scalar != "]" {
            index += 1
            var low = scalar
            if scalar == "\\" {
                let escaped = try escapedSet()
                guard !escaped.isNegated else {
                    throw Pattern.Fault(sentence: "The pattern has a negated class inside a class.")
                }
                guard escaped.ranges.count == 1, escaped.ranges[0].count == 1,
                    let single = Unicode.Scalar(escaped.ranges[0].lowerBound)
                else {
                    set.ranges += escaped.ranges
                    continue
                }
                low = single
            }
            guard current == "-", index + 1 < text.count, text[index + 1] != "]" else {
                set.ranges.append(low.value...low.value)
                continue
            }
            index += 1
            guard let high = current, high != "\\", high.value >= low.value else {
                throw Pattern.Fault(sentence: "The pattern has a range whose end is before its beginning.")
            }
            index += 1
            set.ranges.append(low.value...high.value)
        }
        guard current == "]", !set.ranges.isEmpty else {
            throw Pattern.Fault(sentence: "The pattern's “[” is empty or not closed.")
        }
        index += 1
        return set
    }

    // MARK: - Tree to steps

    static func write(_ tree: Tree, to steps: inout [Pattern.Step], ignoringCase: Bool) throws(Pattern.Fault) {
        guard steps.count <= stepsMax else { throw Pattern.Fault(sentence: "The pattern is too large.") }
        switch tree {
        case .step(.scalar(let scalar)):
            steps.append(.scalar(ignoringCase ? Pattern.lower(scalar) : scalar))
        case .step(let step):
            steps.append(step)
        case .sequence(let items):
            for item in items { try write(item, to: &steps, ignoringCase: ignoringCase) }
        case .choice(let branches):
            var ends: [Int] = []
            for (number, branch) in branches.enumerated() {
                let split = steps.count
                if number < branches.count - 1 { steps.append(.split(split + 1, 0)) }
                try write(branch, to: &steps, ignoringCase: ignoringCase)
                guard number < branches.count - 1 else { continue }
                ends.append(steps.count)
                steps.append(.jump(0))
                steps[split] = .split(split + 1, steps.count)
            }
            for end in ends { steps[end] = .jump(steps.count) }
        case .repetition(let item, let low, let high):
            for _ in 0..<low {
                let before = steps.count
                try write(item, to: &steps, ignoringCase: ignoringCase)
                if steps.count == before { return }
            }
            guard let high else {
                let split = steps.count
                steps.append(.split(split + 1, 0))
                try write(item, to: &steps, ignoringCase: ignoringCase)
                steps.append(.jump(split))
                steps[split] = .split(split + 1, steps.count)
                return
            }
            for _ in low..<high {
                let split = steps.count
                steps.append(.split(split + 1, 0))
                try write(item, to: &steps, ignoringCase: ignoringCase)
                steps[split] = .split(split + 1, steps.count)
            }
        }
    }
}
