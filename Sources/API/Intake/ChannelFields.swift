/// A channel as an import, the API or the command line names it, before it is judged (DESIGN §3.2 `channels import`).
package struct ChannelFields: Sendable {
    /// Column names of CSV; JSON has the same in camelCase.
    package static let names = [
        "id", "tenant_id", "user_id", "provider", "display_name", "local_name", "external_id", "status", "params",
        "access_token", "refresh_token", "access_issued_at", "access_expires_at", "refresh_expires_at", "scopes",
        "meta",
    ]

    /// Text by column name; empty values are left out.
    package var values: [String: String]

    /// - Throws: a sentence for an unknown name.
    package init(columns: [String: String]) throws(IntakeError) {
        for name in columns.keys where !Self.names.contains(name) {
            throw IntakeError(
                "`\(name)` is not a field of a channel; the fields are \(Self.names.joined(separator: ", "))")
        }
        values = columns.filter { !$0.value.isEmpty }
    }

    /// From a JSON object with camelCase names.
    package init(object: JSON) throws(IntakeError) {
        guard case .object(let members) = object else { throw IntakeError("a channel is a JSON object") }
        var columns: [String: String] = [:]
        for (name, value) in members {
            guard let column = Self.names.first(where: { Self.camelCase($0) == name || $0 == name }) else {
                throw IntakeError(
                    "`\(name)` is not a field of a channel; the fields are \(Self.names.map(Self.camelCase).joined(separator: ", "))"
                )
            }
            columns[column] = try Self.text(value, of: name)
        }
        try self.init(columns: columns)
    }

    private static func text(_ value: JSON, of name: String) throws(IntakeError) -> String {
        switch value {
        case .null: return ""
        case .string(let text): return text
        case .int(let number): return "\(number)"
        case .object: return String(decoding: value.bytes, as: UTF8.self)
        case .array(let items):
            let words = items.compactMap(\.text)
            guard words.count == items.count else { throw IntakeError("`\(name)` must be text or a list of texts") }
            return words.joined(separator: " ")
        case .bool, .double: throw IntakeError("`\(name)` must be text")
        }
    }

    static func camelCase(_ name: String) -> String {
        let words = name.split(separator: "_")
        return words.prefix(1).joined() + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }
}

/// Why a channel is not taken; one sentence without the values of secrets.
package struct IntakeError: Error, Sendable, Equatable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) {
        self.description = description
    }
}
