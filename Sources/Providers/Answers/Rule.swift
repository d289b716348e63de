import Domain

/// Which request an answer belongs to.
package enum Phase: String, Sendable, CaseIterable {
    /// The code's exchange, and the step from a short to a long token.
    case exchange
    case refresh
    case inspect
    case revoke
    case probe
}

/// One row of an entry's ordered `errors`; the first that matches decides.
struct Rule: Sendable {
    /// `429`, `"4xx"`.
    enum Status: Sendable {
        case exact(Int)
        case hundred(Int)

        func matches(_ status: Int) -> Bool {
            switch self {
            case .exact(let wanted): status == wanted
            case .hundred(let wanted): status / 100 == wanted
            }
        }
    }

    /// What a value of the body must be.
    enum Condition: Sendable {
        /// Equal to one of these, compared as text; one element of a list is enough.
        case oneOf([String])
        case pattern(Pattern)
        case exists(Bool)

        /// Whether only a body that was understood can satisfy it.
        var needsBody: Bool {
            if case .exists(false) = self { false } else { true }
        }

        func matches(_ value: JSONValue?) -> Bool {
            switch self {
            case .oneOf(let wanted):
                guard let value else { return false }
                if case .array(let items) = value {
                    return items.prefix(100).contains { $0.scalar.map(wanted.contains) ?? false }
                }
                return value.scalar.map(wanted.contains) ?? false
            case .pattern(let pattern):
                return value?.scalar.map(pattern.matches) ?? false
            case .exists(let wanted):
                return (value != nil && value != .null) == wanted
            }
        }
    }

    let phase: Phase?
    let statuses: [Status]
    let conditions: [(path: BodyPath, condition: Condition)]
    let answerClass: AnswerClass
    let reason: String
    /// What to try before the class counts: `relocate`.
    let first: String?
    /// How long the provider wants to be left alone when it does not say.
    let wait: Duration?
    /// Whether the presented token was used up; nil leaves it to the class.
    let consumed: Bool?
    let place: CataloguePlace

    /// It names something in the body: only such a rule is a verdict (PROTOCOL §7).
    var isNamed: Bool { conditions.contains { $0.condition.needsBody } }

    func matches(status: Int, body: AnswerBody, phase: Phase) -> Bool {
        if let wanted = self.phase, wanted != phase { return false }
        if !statuses.isEmpty, !statuses.contains(where: { $0.matches(status) }) { return false }
        return conditions.allSatisfy { $0.condition.matches($0.path.value(in: body.root)) }
    }
}

/// What a 2xx body must show to be a success.
struct SuccessPredicate: Sendable {
    enum Test: Sendable {
        case equals(String)
        /// One of these, or nothing where the file says null.
        case oneOf([String], orMissing: Bool)
        /// Missing, null or empty.
        case absent
    }

    let path: BodyPath
    let test: Test

    func holds(in root: JSONValue) -> Bool {
        let value = path.value(in: root)
        switch test {
        case .equals(let wanted):
            return value?.scalar == wanted
        case .oneOf(let wanted, let orMissing):
            guard let value, value != .null else { return orMissing }
            return value.scalar.map(wanted.contains) ?? false
        case .absent:
            return value == nil || value == .null || value == .string("")
        }
    }
}
