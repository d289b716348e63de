/// A template file's name: `NAME.TARGET.mustache` (English) or `NAME.TARGET.LANGUAGE.mustache`.
struct TemplateName: Hashable {
    /// `NAME.TARGET`, as callers and partials say it.
    let name: String
    let target: TemplateTarget
    let language: String

    init(file: String) throws(TemplateError) {
        var parts = file.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.last == "mustache" else { throw .unknownFile(file) }
        parts.removeLast()
        var language = MessageTemplates.fallbackLanguage
        if parts.count == 3, let last = parts.last {
            guard MessageTemplates.languages.contains(last) else { throw .unknownFile(file) }
            language = last
            parts.removeLast()
        }
        guard parts.count == 2, !parts[0].isEmpty, parts[0].allSatisfy({ $0.isASCII && ($0.isLetter || $0 == "-") }),
            let target = TemplateTarget(rawValue: parts[1])
        else { throw .unknownFile(file) }
        self.name = parts.joined(separator: ".")
        self.target = target
        self.language = language
    }

    /// The target a name of callers or partials ends in.
    static func target(of name: String) -> TemplateTarget? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 2 ? TemplateTarget(rawValue: String(parts[1])) : nil
    }
}
