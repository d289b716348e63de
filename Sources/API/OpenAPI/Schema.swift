/// A JSON Schema (2020-12, the part that OpenAPI 3.1 documents of ours use) with the named shapes it refers to.
package struct Schema: Sendable, Equatable {
    package var json: JSON
    /// What `#/components/schemas/…` of ``json`` stands for.
    package var shapes: [String: JSON]

    package init(_ json: JSON, shapes: [String: JSON] = [:]) {
        self.json = json
        self.shapes = shapes
    }

    /// Text; `format` is told to readers, the route itself judges it.
    package static func string(
        _ description: String = "", length: ClosedRange<Int>? = nil, format: String? = nil, pattern: String? = nil
    ) -> Schema {
        var members: [String: JSON] = ["type": "string"]
        if !description.isEmpty { members["description"] = .string(description) }
        if let length {
            members["minLength"] = JSON(length.lowerBound)
            members["maxLength"] = JSON(length.upperBound)
        }
        if let format { members["format"] = .string(format) }
        if let pattern { members["pattern"] = .string(pattern) }
        return Schema(.object(members))
    }

    package static func integer(_ description: String = "", _ range: ClosedRange<Int>? = nil) -> Schema {
        var members: [String: JSON] = ["type": "integer"]
        if !description.isEmpty { members["description"] = .string(description) }
        if let range {
            members["minimum"] = JSON(range.lowerBound)
            members["maximum"] = JSON(range.upperBound)
        }
        return Schema(.object(members))
    }

    package static func boolean(_ description: String = "") -> Schema {
        Schema(["type": "boolean"]).described(description)
    }

    package static func oneOf(_ values: [String], _ description: String = "") -> Schema {
        Schema(["type": "string", "enum": .array(values.map { .string($0) })]).described(description)
    }

    /// RFC 3339 in UTC.
    package static let time = string(format: "date-time")

    package static func list(of item: Schema, max: Int? = nil) -> Schema {
        var members: [String: JSON] = ["type": "array", "items": item.json]
        if let max { members["maxItems"] = JSON(max) }
        return Schema(.object(members), shapes: item.shapes)
    }

    /// An object of exactly these members.
    ///
    /// - Parameter optional: members that may be left out; all others are required.
    package static func object(_ members: [String: Schema], optional: Set<String> = []) -> Schema {
        var shapes: [String: JSON] = [:]
        for member in members.values { shapes.merge(member.shapes) { first, _ in first } }
        var json: [String: JSON] = [
            "type": "object", "properties": .object(members.mapValues(\.json)), "additionalProperties": false,
        ]
        let required = members.keys.filter { !optional.contains($0) }.sorted()
        if !required.isEmpty { json["required"] = .array(required.map { .string($0) }) }
        return Schema(.object(json), shapes: shapes)
    }

    /// An object whose members may all be left out.
    package static func options(_ members: [String: Schema]) -> Schema {
        object(members, optional: Set(members.keys))
    }

    /// An object with any names.
    package static func map(of value: Schema, _ description: String = "") -> Schema {
        Schema(["type": "object", "additionalProperties": value.json], shapes: value.shapes).described(description)
    }

    /// Any JSON object.
    package static let anyObject = Schema(["type": "object"])

    /// The value or `null`: unknown, or never.
    package var orNull: Schema {
        if case .object(var members) = json, let type = members["type"], type.text != nil {
            members["type"] = .array([type, "null"])
            if case .array(let values)? = members["enum"] { members["enum"] = .array(values + [.null]) }
            return Schema(.object(members), shapes: shapes)
        }
        return Schema(["anyOf": .array([json, ["type": "null"]])], shapes: shapes)
    }

    package func described(_ description: String) -> Schema {
        guard !description.isEmpty, case .object(var members) = json else { return self }
        members["description"] = .string(description)
        return Schema(.object(members), shapes: shapes)
    }

    /// Gives the schema a name of its own in the document.
    package func named(_ name: String) -> Schema {
        var shapes = shapes
        shapes[name] = json
        return Schema(["$ref": .string("#/components/schemas/\(name)")], shapes: shapes)
    }

    /// A page of a list: `{items, nextCursor}`.
    package static func page(of item: Schema) -> Schema {
        object(["items": list(of: item, max: 500), "nextCursor": string().orNull])
    }
}
