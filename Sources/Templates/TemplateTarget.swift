import Mustache

/// Where a template's text goes, and so how the values in it are escaped.
package enum TemplateTarget: String, Sendable, CaseIterable {
    /// Slack's mrkdwn.
    case slack
    /// A plain text mail, or a word of another template.
    case text
    /// One line: a mail's subject, a message's title.
    case subject
    /// An HTML mail.
    case html
    /// An HTML page.
    case page
    /// A string inside a JSON document.
    case json

    /// Whether `{{{name}}}` and `{{&name}}` mean the same as `{{name}}`.
    var isPlain: Bool { self == .text || self == .subject }

    /// A value of this target inside `other` is escaped there as it must be.
    func mayInclude(_ other: TemplateTarget) -> Bool { other.escape == escape || isPlain && other.isPlain }

    private enum Escape { case html, slack, json, none }

    private var escape: Escape {
        switch self {
        case .html, .page: .html
        case .slack: .slack
        case .json: .json
        case .text, .subject: .none
        }
    }

    /// Escapes by scalar: the library's own escape works on grapheme clusters and lets `"` with a combining mark pass.
    package func escaped(_ text: String) -> String {
        guard escape != .none else { return text }
        var escaped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if let replacement = replacement(of: scalar) {
                escaped.append(contentsOf: replacement.unicodeScalars)
            } else {
                escaped.append(scalar)
            }
        }
        return String(escaped)
    }

    private func replacement(of scalar: Unicode.Scalar) -> String? {
        switch (escape, scalar) {
        case (.html, "&"), (.slack, "&"): "&amp;"
        case (.html, "<"), (.slack, "<"): "&lt;"
        case (.html, ">"), (.slack, ">"): "&gt;"
        case (.html, "\""): "&quot;"
        case (.html, "'"): "&#39;"
        case (.json, "\""): "\\\""
        case (.json, "\\"): "\\\\"
        case (.json, "\u{00}"..."\u{1F}"): Self.jsonControl(scalar)
        default: nil
        }
    }

    private static func jsonControl(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }

    // MARK: The library's registry of content types

    /// The pragma that makes the library escape for this target; put before each template's text.
    var pragma: String {
        _ = Self.registration
        return "{{% CONTENT_TYPE:tokenward\(rawValue) }}"
    }

    /// Once in a process; the library keeps content types in one locked table.
    private static let registration: Void = {
        for target in TemplateTarget.allCases {
            MustacheContentTypes.register(TargetContentType(target: target), named: "tokenward\(target.rawValue)")
        }
    }()
}

private struct TargetContentType: MustacheContentType {
    let target: TemplateTarget

    func escapeText(_ text: String) -> String { target.escaped(text) }
}
