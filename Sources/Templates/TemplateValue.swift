/// A value that a template shows.
package indirect enum TemplateValue: Sendable, Equatable, ExpressibleByStringLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByIntegerLiteral
{
    case text(String)
    case number(Int)
    case flag(Bool)
    case list([[String: TemplateValue]])
    /// Values that a template names by `group.name`.
    case group([String: TemplateValue])

    package init(stringLiteral value: String) { self = .text(value) }
    package init(booleanLiteral value: Bool) { self = .flag(value) }
    package init(integerLiteral value: Int) { self = .number(value) }

    /// Nil and empty texts are left out of a context, so that `{{#name}}` skips them.
    package static func optional(_ text: String?) -> TemplateValue? {
        text.flatMap { $0.isEmpty ? nil : .text($0) }
    }

    var representation: Any {
        switch self {
        case .text(let text): text
        case .number(let number): number
        case .flag(let flag): flag
        case .list(let rows): rows.map { $0.mapValues(\.representation) }
        case .group(let values): values.mapValues(\.representation)
        }
    }
}
