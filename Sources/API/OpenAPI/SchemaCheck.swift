/// Judges a JSON value by a ``Schema``: the check before a route sees a body, and of the routes' own answers in tests.
package struct SchemaCheck: Sendable {
    let schema: Schema

    package init(_ schema: Schema) {
        self.schema = schema
    }

    /// A sentence that names the place; nil when the value is as the schema says.
    package func problem(with value: JSON, at place: String = "the body") -> String? {
        problem(value, schema.json, place)
    }

    private func problem(_ value: JSON, _ schema: JSON, _ place: String) -> String? {
        if let name = schema["$ref"]?.text?.split(separator: "/").last {
            guard let shape = self.schema.shapes[String(name)] else { return "\(place) has no known shape" }
            return problem(value, shape, place)
        }
        if case .array(let choices)? = schema["anyOf"] {
            let problems = choices.map { problem(value, $0, place) }
            return problems.contains(nil) ? nil : problems.first ?? nil
        }
        let types = Self.types(of: schema)
        guard types.isEmpty || types.contains(where: { Self.isOf($0, value) }) else {
            return "\(place) must be \(types.map(Self.word).joined(separator: " or "))"
        }
        if case .array(let values)? = schema["enum"], !values.contains(value) {
            return "\(place) must be one of \(values.compactMap(\.text).joined(separator: ", "))"
        }
        switch value {
        case .string(let text): return textProblem(text, schema, place)
        case .int(let number): return numberProblem(number, schema, place)
        case .array(let items):
            if case .int(let most)? = schema["maxItems"], items.count > most {
                return "\(place) must have at most \(most) items"
            }
            guard let item = schema["items"] else { return nil }
            return items.enumerated().lazy.compactMap { problem($1, item, "\(place)[\($0)]") }.first
        case .object(let members): return membersProblem(members, schema, place)
        case .null, .bool, .double: return nil
        }
    }

    private func membersProblem(_ members: [String: JSON], _ schema: JSON, _ place: String) -> String? {
        var known: [String: JSON] = [:]
        if case .object(let properties)? = schema["properties"] { known = properties }
        if case .array(let required)? = schema["required"],
            let missing = required.compactMap(\.text).first(where: { members[$0] == nil })
        {
            return "`\(missing)` is missing in \(place)"
        }
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            // PostgreSQL's text holds no NUL.
            guard !name.unicodeScalars.contains("\u{0}") else { return "a name in \(place) holds a NUL character" }
            if let member = known[name] {
                if let problem = problem(value, member, "`\(name)`") { return problem }
            } else if schema["additionalProperties"] == false {
                return
                    "`\(name.prefix(60))` is not known in \(place); it takes \(known.keys.sorted().joined(separator: ", "))"
            } else if let further = schema["additionalProperties"], case .object = further,
                let problem = problem(value, further, "`\(name.prefix(60))`")
            {
                return problem
            } else if let problem = problem(value, [:], "`\(name.prefix(60))`") {
                return problem
            }
        }
        return nil
    }

    private func textProblem(_ text: String, _ schema: JSON, _ place: String) -> String? {
        if text.unicodeScalars.contains("\u{0}") { return "\(place) holds a NUL character" }
        let count = text.unicodeScalars.count
        if case .int(let least)? = schema["minLength"], count < least {
            return least == 1 ? "\(place) must not be empty" : "\(place) must have at least \(least) characters"
        }
        if case .int(let most)? = schema["maxLength"], count > most {
            return "\(place) must have at most \(most) characters"
        }
        if let pattern = schema["pattern"]?.text, let regex = try? Regex(pattern), text.firstMatch(of: regex) == nil {
            return "\(place) must match \(pattern)"
        }
        return nil
    }

    private func numberProblem(_ number: Int64, _ schema: JSON, _ place: String) -> String? {
        if case .int(let least)? = schema["minimum"], number < least { return "\(place) must be at least \(least)" }
        if case .int(let most)? = schema["maximum"], number > most { return "\(place) must be at most \(most)" }
        return nil
    }

    private static func types(of schema: JSON) -> [String] {
        switch schema["type"] {
        case .string(let type)?: [type]
        case .array(let types)?: types.compactMap(\.text)
        default: []
        }
    }

    private static func isOf(_ type: String, _ value: JSON) -> Bool {
        switch (type, value) {
        case ("null", .null), ("boolean", .bool), ("integer", .int), ("number", .int), ("number", .double),
            ("string", .string), ("array", .array), ("object", .object):
            true
        default: false
        }
    }

    private static func word(_ type: String) -> String {
        switch type {
        case "string": "text"
        case "integer": "a whole number"
        case "number": "a number"
        case "boolean": "true or false"
        case "array": "a list"
        case "object": "a JSON object"
        default: type
        }
    }
}
