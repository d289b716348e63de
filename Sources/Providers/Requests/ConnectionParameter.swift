/// A value that a channel or its app fills in: `subdomain`, `token_url`.
package struct ConnectionParameter: Sendable {
    /// Who may set it.
    package enum Source: Sendable, Equatable {
        /// The app, or a superadmin on the channel: may be a whole URL.
        case `operator`
        /// Whoever connects the channel.
        case user
        /// A parameter of the consent's callback.
        case callback(String)
        /// A path of the token answer.
        case tokenResponse(String)
        /// A lookup after the consent.
        case metadata

        init?(_ text: String) {
            switch text {
            case "operator": self = .operator
            case "user": self = .user
            case "metadata": self = .metadata
            default:
                if text.hasPrefix("callback."), text.count > 9 {
                    self = .callback(String(text.dropFirst(9)))
                } else if text.hasPrefix("token_response."), text.count > 15 {
                    self = .tokenResponse(String(text.dropFirst(15)))
                } else {
                    return nil
                }
            }
        }
    }

    package let name: String
    /// Whether a channel cannot be used without it.
    package let isRequired: Bool
    package let source: Source
    /// Used when nothing is set.
    package let defaultValue: String?
    /// The only values there may be; empty allows any.
    package let values: [String]
    package let isSecret: Bool
    /// Whether it is, or is part of, the host that receives secrets.
    package var isEndpoint: Bool { reach != nil }
    /// How far it reaches into an endpoint's host; nil when it does not.
    let reach: Endpoint.Reach?
    let pattern: Pattern?
    /// The pattern as written, for forms and documentation.
    package let patternText: String?
    /// What a callback's value ends with and the parameter leaves out: `.amocrm.ru`.
    let suffix: String

    /// Why the value is refused, as the end of a sentence that begins with the parameter's name; nil when it is well.
    package func problem(with value: String) -> String? {
        ownProblem(with: value) ?? reach?.problem(with: value)
    }

    /// The same without what its place in a host demands, which ``Endpoint`` checks where it puts it.
    func ownProblem(with value: String) -> String? {
        guard !value.isEmpty else { return "is empty" }
        guard value.utf8.count <= 2048,
            !value.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else { return "is too long or holds control characters" }
        if !values.isEmpty {
            guard values.contains(value) else { return "must be one of \(values.joined(separator: ", "))" }
        } else if let pattern, !pattern.matchesWhole(value) {
            return "must match \(patternText ?? "its pattern")"
        }
        return nil
    }

    /// `[a-z0-9][a-z0-9-]{0,62}`, the whole text.
    static func isLabel(_ text: String) -> Bool {
        guard (1...63).contains(text.utf8.count), text.utf8.first != UInt8(ascii: "-") else { return false }
        return text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "-") }
    }
}
