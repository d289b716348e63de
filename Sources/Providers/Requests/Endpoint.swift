/// Where a request goes: a URL whose host nobody but the catalogue and the operator chooses (PROTOCOL §11).
///
/// A connection parameter may be the whole base of the URL (operator's or enumerated), one label under a fixed zone, or
/// part of path and query, where it is percent-encoded.
struct Endpoint: Sendable {
    /// How far a connection parameter reaches.
    enum Reach: Sendable, Equatable {
        /// The URL begins with it: the operator's own URL, or one of an enumerated list.
        case base
        /// The host, or part of it: the operator's, or one of an enumerated list.
        case host
        /// One label of the host.
        case label
    }

    let template: Template
    /// Parameters that stand in the host; all others are encoded.
    let hostParameters: [String: Reach]
    /// The URL itself where nothing is filled in.
    private let fixed: String?

    /// Parses and checks the URL once: what is filled in later is checked by itself and leaves the rest as it is.
    init(_ template: Template, parameters: [ConnectionParameter]) throws(Template.Fault) {
        self.template = template
        hostParameters = try Self.hostParameters(of: template.parts, parameters)
        let filled = Self.filled(template, hostParameters)
        if let fault = EndpointURL.fault(in: filled) { throw Template.Fault(sentence: fault) }
        fixed = template.variables.isEmpty ? filled : nil
    }

    /// The template with harmless values.
    private static func filled(_ template: Template, _ reach: [String: Reach]) -> String {
        template.text { variable in
            guard case .connection(let name) = variable, reach[name] == .base else { return "x" }
            return "https://example.org"
        } ?? ""
    }

    private static func hostParameters(
        of parts: [Template.Part], _ parameters: [ConnectionParameter]
    ) throws(Template.Fault) -> [String: Reach] {
        func isFixed(_ name: String) -> Bool {
            parameters.contains { $0.name == name && ($0.source == .operator || !$0.values.isEmpty) }
        }
        if case .variable(.connection(let name))? = parts.first {
            guard isFixed(name) else { throw Template.Fault(sentence: freeHost(name)) }
            guard parts.count == 1 || parts[1].startsPath else {
                throw Template.Fault(sentence: "After {conn.\(name)} the URL must go on with “/” or “?”.")
            }
            return [name: .base]
        }
        // Authority of the literal part: placeholders stand for parameters until the checks below are done.
        guard case .literal(let first)? = parts.first,
            let scheme = ["https://", "http://"].first(where: first.hasPrefix)
        else { throw Template.Fault(sentence: "The URL must begin with https://.") }
        var reach: [String: Reach] = [:]
        var authority = ""
        var pending = [Template.Part.literal(String(first.dropFirst(scheme.count)))] + parts.dropFirst()
        walk: while !pending.isEmpty {
            switch pending.removeFirst() {
            case .literal(let literal):
                let end = literal.firstIndex { "/?#".contains($0) }
                authority += literal[..<(end ?? literal.endIndex)]
                if end != nil { break walk }
            case .variable(.connection(let name)):
                if isFixed(name) {
                    reach[name] = .host
                    authority += "fixed"
                } else {
                    guard reach.isEmpty, authority.isEmpty || authority.hasSuffix("."), zoneFollows(pending, parameters)
                    else {
                        throw Template.Fault(sentence: freeHost(name))
                    }
                    reach[name] = .label
                    authority += "label"
                }
            default:
                throw Template.Fault(sentence: "The host of a URL may hold connection parameters only.")
            }
        }
        if let fault = EndpointURL.fault(in: scheme + authority + "/") { throw Template.Fault(sentence: fault) }
        return reach
    }

    private static func freeHost(_ name: String) -> String {
        "{conn.\(name)} would choose the host that receives secrets; it may fill one label under a fixed zone, "
            + "come from the operator (source: operator), or pick from “values”."
    }

    /// A fixed zone is at least two labels after the parameter's: `.example.com`, or one of an enumerated list of such.
    private static func zoneFollows(_ parts: [Template.Part], _ parameters: [ConnectionParameter]) -> Bool {
        guard case .literal(let literal)? = parts.first, literal.first == "." else { return false }
        if literal == ".", parts.count > 1, case .variable(.connection(let name)) = parts[1] {
            let values = parameters.first { $0.name == name }?.values ?? []
            return !values.isEmpty && values.allSatisfy(isZone) && (parts.count == 2 || parts[2].startsPath)
        }
        return isZone(literal.dropFirst().prefix { !"/?#:".contains($0) })
    }

    private static func isZone(_ zone: some StringProtocol) -> Bool {
        let labels = zone.split(separator: ".", omittingEmptySubsequences: false)
        return labels.count >= 2 && labels.allSatisfy { !$0.isEmpty }
    }

    /// The URL for these values.
    func url(_ value: (Template.Variable) -> String?) throws(RequestError) -> String {
        if let fixed { return fixed }
        var missing: Template.Variable?
        var refused: RequestError?
        let text = template.text { variable in
            guard let found = value(variable), !found.isEmpty else {
                missing = missing ?? variable
                return nil
            }
            guard case .connection(let name) = variable, let reach = hostParameters[name] else {
                return PercentEncoding.segment(found)
            }
            if let problem = reach.problem(with: found) {
                refused = refused ?? .badParameter(name: name, problem)
                return nil
            }
            return found
        }
        if let refused { throw refused }
        guard let text else {
            switch missing {
            case .connection(let name)?: throw .missingParameter(name)
            case .named(let name)?: throw .missingValue(name)
            case nil: throw .noSuchRequest
            }
        }
        guard text.utf8.count <= EndpointURL.bytesMax else { throw .badURL("The URL is too long.") }
        return text
    }
}

extension Endpoint.Reach {
    /// Why the value may not stand there, as the end of a sentence that begins with the parameter's name.
    func problem(with value: String) -> String? {
        switch self {
        case .label:
            return ConnectionParameter.isLabel(value) ? nil : "must be one host label of a-z, 0-9 and hyphens"
        case .host:
            return value.utf8.contains { "/?".utf8.contains($0) } || EndpointURL.fault(in: "https://\(value)/") != nil
                ? "is not a host" : nil
        case .base:
            return EndpointURL.fault(in: value).map {
                "is not a usable URL: \($0.prefix(1).lowercased() + $0.dropFirst().dropLast())"
            }
        }
    }
}

extension Template.Part {
    fileprivate var startsPath: Bool {
        if case .literal(let text) = self { text.hasPrefix("/") || text.hasPrefix("?") } else { false }
    }
}
