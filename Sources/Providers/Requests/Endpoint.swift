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

    init(_ template: Template, parameters: [ConnectionParameter]) throws(Template.Fault) {
        self.template = template
        hostParameters = try Self.hostParameters(of: template.parts, parameters)
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
                    guard reach.isEmpty, authority.isEmpty || authority.hasSuffix("."), zoneFollows(pending.first)
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

    /// A fixed zone is at least two labels after the parameter's: `.example.com`.
    private static func zoneFollows(_ part: Template.Part?) -> Bool {
        guard case .literal(let literal)? = part, literal.first == "." else { return false }
        let zone = literal.dropFirst().prefix { !"/?#:".contains($0) }
        let labels = zone.split(separator: ".", omittingEmptySubsequences: false)
        return labels.count >= 2 && labels.allSatisfy { !$0.isEmpty }
    }

    /// The URL for these values.
    func url(_ value: (Template.Variable) -> String?) throws(RequestError) -> String {
        var missing: Template.Variable?
        var fault: RequestError?
        let text = template.text { variable in
            guard let found = value(variable), !found.isEmpty else {
                missing = missing ?? variable
                return nil
            }
            guard case .connection(let name) = variable else { return PercentEncoding.segment(found) }
            switch hostParameters[name] {
            case .base: return found
            case .host:
                guard !found.contains(where: { "/?#@\\".contains($0) }) else {
                    fault = fault ?? .badParameter(name: name, "is not a host")
                    return nil
                }
                return found
            case .label:
                guard ConnectionParameter.isLabel(found) else {
                    fault = fault ?? .badParameter(name: name, "is not one host label of a-z, 0-9 and hyphens")
                    return nil
                }
                return found
            case nil: return PercentEncoding.segment(found)
            }
        }
        if let fault { throw fault }
        guard let text else {
            switch missing {
            case .connection(let name)?: throw .missingParameter(name)
            case .named(let name)?: throw .missingValue(name)
            case nil: throw .noSuchRequest
            }
        }
        if let fault = EndpointURL.fault(in: text) { throw .badURL(fault) }
        return text
    }
}

extension Template.Part {
    fileprivate var startsPath: Bool {
        if case .literal(let text) = self { text.hasPrefix("/") || text.hasPrefix("?") } else { false }
    }
}
