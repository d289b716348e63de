import Crypto

/// A text with variables: `{client_id}`, `{conn.subdomain}`, `{hmac_sha256_hex(client_secret,access_token)}`.
///
/// `{var.x}` is put in when the entry is read, so a template that is used knows connection parameters and the fixed
/// names alone.
struct Template: Sendable {
    enum Variable: Sendable, Equatable, Hashable {
        /// One of ``names``.
        case named(String)
        /// A connection parameter.
        case connection(String)
    }

    enum Part: Sendable, Equatable {
        case literal(String)
        case variable(Variable)
        case hmac(key: Variable, message: Variable)
    }

    /// What a catalogue file may do wrong in a template.
    struct Fault: Error {
        let sentence: String
    }

    static let names: Set<String> = [
        "client_id", "client_secret", "redirect_uri", "scope", "code", "code_verifier", "access_token", "refresh_token",
    ]

    let parts: [Part]
    /// A constant it names is null: the template never has a value.
    let isVoid: Bool

    /// - Parameters:
    ///   - constants: the entry's `vars`; a null one leaves the template without a value.
    ///   - connection: names that may follow `conn.`; nil allows any.
    init(_ text: String, constants: [String: String?], connection: Set<String>?) throws(Fault) {
        var parts: [Part] = []
        var isVoid = false
        func add(_ literal: String) {
            guard !literal.isEmpty else { return }
            if case .literal(let before)? = parts.last {
                parts[parts.count - 1] = .literal(before + literal)
            } else {
                parts.append(.literal(literal))
            }
        }
        var rest = text[...]
        while let open = rest.firstIndex(of: "{") {
            add(String(rest[..<open]))
            guard let close = rest[open...].firstIndex(of: "}") else {
                throw Fault(sentence: "A “{” is not closed; a variable is written {name}.")
            }
            let inner = String(rest[rest.index(after: open)..<close])
            rest = rest[rest.index(after: close)...]
            if inner.hasPrefix("var.") {
                let name = String(inner.dropFirst(4))
                guard let constant = constants[name] else {
                    throw Fault(sentence: "{\(inner.prefix(60))} is not declared in “vars”.")
                }
                if let constant { add(constant) } else { isVoid = true }
            } else if inner.hasPrefix("hmac_sha256_hex("), inner.hasSuffix(")") {
                let arguments = inner.dropFirst(16).dropLast().split(separator: ",", omittingEmptySubsequences: false)
                guard arguments.count == 2 else {
                    throw Fault(sentence: "hmac_sha256_hex takes two variables: {hmac_sha256_hex(key,message)}.")
                }
                parts.append(
                    .hmac(
                        key: try Self.variable(arguments[0], connection),
                        message: try Self.variable(arguments[1], connection)))
            } else {
                parts.append(.variable(try Self.variable(inner[...], connection)))
            }
        }
        add(String(rest))
        self.parts = parts
        self.isVoid = isVoid
    }

    private static func variable(_ text: Substring, _ connection: Set<String>?) throws(Fault) -> Variable {
        let text = String(text.drop { $0 == " " })
        if text.hasPrefix("conn.") {
            let name = String(text.dropFirst(5))
            guard connection?.contains(name) ?? true else {
                throw Fault(sentence: "{\(text.prefix(60))} is not declared in “connection_params”.")
            }
            return .connection(name)
        }
        guard names.contains(text) else {
            throw Fault(
                sentence: "The template variable {\(text.prefix(60))} is not known; there are "
                    + names.sorted().joined(separator: ", ") + ", conn.… and var.….")
        }
        return .named(text)
    }

    var variables: [Variable] {
        parts.flatMap { part -> [Variable] in
            switch part {
            case .literal: []
            case .variable(let variable): [variable]
            case .hmac(let key, let message): [key, message]
            }
        }
    }

    /// The connection parameters it names.
    var connectionParameters: Set<String> {
        Set(
            variables.compactMap { variable in
                if case .connection(let name) = variable { name } else { nil }
            })
    }

    /// The text; nil when a variable has no value.
    func text(_ value: (Variable) -> String?) -> String? {
        guard !isVoid else { return nil }
        var text = ""
        for part in parts {
            switch part {
            case .literal(let literal):
                text += literal
            case .variable(let variable):
                guard let found = value(variable), !found.isEmpty else { return nil }
                text += found
            case .hmac(let key, let message):
                guard let key = value(key), let message = value(message), !key.isEmpty, !message.isEmpty else {
                    return nil
                }
                text += Self.hmac(key: key, message: message)
            }
        }
        return text
    }

    private static func hmac(key: String, message: String) -> String {
        HMAC<SHA256>.authenticationCode(for: Array(message.utf8), using: SymmetricKey(data: Array(key.utf8)))
            .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
