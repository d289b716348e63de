/// How a provider writes its answers.
enum AnswerFormat: String, CaseIterable, Sendable {
    case json
    /// `application/x-www-form-urlencoded`; a body that is a JSON object is read as that.
    case form
}

/// A body as far as it could be understood.
struct AnswerBody: Sendable {
    /// The object, or the list; an empty object when the body is neither.
    let root: JSONValue
    /// Whether the body was an object: only such a body can be a verdict on a grant.
    let isParsed: Bool
    /// Whether the body was a list, which an inspection may answer with (Xero's organisations, Atlassian's sites).
    var isList: Bool { if case .array = root { true } else { false } }

    init(_ bytes: [UInt8], format: AnswerFormat) {
        if let value = JSONParser.parse(bytes), value.isContainer {
            root = value
            isParsed = value.isObject
        } else if format == .form, let value = Self.form(bytes) {
            root = value
            isParsed = true
        } else {
            root = .object([])
            isParsed = false
        }
    }

    /// Pairs of a form; nil for what is none: no `=`, markup, more than 200 pairs, broken escapes.
    private static func form(_ bytes: [UInt8]) -> JSONValue? {
        guard bytes.contains(UInt8(ascii: "=")), bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "<") })
        else { return nil }
        let pairs = bytes.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: true)
        guard pairs.count <= 200 else { return nil }
        var members: [JSONValue.Member] = []
        for pair in pairs {
            let halves = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = decode(halves[0]), let value = decode(halves.count == 2 ? halves[1] : []) else {
                return nil
            }
            members.append(JSONValue.Member(name: name, value: .string(value)))
        }
        return .object(members)
    }

    private static func decode(_ bytes: ArraySlice<UInt8>) -> String? {
        var out: [UInt8] = []
        var rest = bytes
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): out.append(0x20)
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap({ Unicode.Scalar($0).hexDigit }),
                    let low = rest.popFirst().flatMap({ Unicode.Scalar($0).hexDigit })
                else { return nil }
                let decoded = UInt8(high << 4 | low)
                out.append(contentsOf: decoded == 0 ? [0xEF, 0xBF, 0xBD] : [decoded])
            default: out.append(byte)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
