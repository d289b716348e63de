/// A parsed answer.
///
/// Numbers keep their spelling, so that rules compare them as written.
indirect enum JSONValue: Sendable, Equatable {
    struct Member: Sendable, Equatable {
        var name: String
        var value: JSONValue
    }

    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([Member])

    var isObject: Bool {
        if case .object = self { true } else { false }
    }

    /// An object or a list.
    var isContainer: Bool {
        switch self {
        case .object, .array: true
        case .null, .bool, .number, .string: false
        }
    }

    /// A member by name; of several with the same name the last one counts.
    subscript(name: Substring) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.name == name }?.value
    }

    /// Scalars as rules compare them: `true`, `190`, `invalid_grant`; nil for null, lists and objects.
    var scalar: String? {
        switch self {
        case .bool(let value): value ? "true" : "false"
        case .number(let text), .string(let text): text
        case .null, .array, .object: nil
        }
    }

    /// A non-blank text or number.
    var token: String? {
        switch self {
        case .string(let text), .number(let text):
            text.utf8.allSatisfy { [0x20, 0x09, 0x0A, 0x0D].contains($0) } ? nil : text
        case .null, .bool, .array, .object: nil
        }
    }

    var number: Double? {
        switch self {
        case .number(let text): Double(text)
        case .string(let text): text.utf8.count <= 32 ? Double(text) : nil
        case .null, .bool, .array, .object: nil
        }
    }
}

/// A dotted path into an answer: `data.error_code`, `cause.0`; `*` stands for every member.
struct BodyPath: Sendable, Equatable, Hashable {
    static let stepsMax = 8

    let steps: [Substring]

    /// Nil for an empty path, an empty step and more than eight steps.
    init?(_ text: String) {
        let steps = text.split(separator: ".", omittingEmptySubsequences: false)
        guard !text.isEmpty, steps.count <= Self.stepsMax, steps.allSatisfy({ !$0.isEmpty && $0.utf8.count <= 64 })
        else {
            return nil
        }
        self.steps = steps
    }

    var text: String { steps.joined(separator: ".") }

    /// The value at the path; of several that `*` reaches the first.
    func value(in root: JSONValue) -> JSONValue? { values(in: root).first }

    /// At most 100 values.
    func values(in root: JSONValue) -> [JSONValue] {
        var found = [root]
        for step in steps {
            found = found.prefix(100).flatMap { value -> [JSONValue] in
                switch value {
                case .object(let members):
                    if step == "*" { return members.map(\.value) }
                    return value[step].map { [$0] } ?? []
                case .array(let items):
                    if step == "*" { return items }
                    guard let index = Int(step), items.indices.contains(index) else { return [] }
                    return [items[index]]
                case .null, .bool, .number, .string:
                    return []
                }
            }
        }
        return Array(found.prefix(100))
    }
}
