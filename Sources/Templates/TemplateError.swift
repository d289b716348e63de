/// What is wrong with a template; each description names the file and how to mend it.
package enum TemplateError: Error, Sendable, Equatable, CustomStringConvertible {
    case unreadableDirectory(String)
    case tooLarge(file: String)
    case notUTF8(file: String)
    case unknownFile(String)
    case malformed(file: String, line: Int, problem: String)
    case refusedTag(file: String, line: Int, tag: String)
    case unknownPartial(file: String, line: Int, partial: String)
    case unknownName(file: String, line: Int, name: String)
    case malformedWord(file: String, line: Int)
    case missingWord(file: String, name: String)
    case partialCycle([String])
    case empty(String)
    case missing(String)
    case unknownTemplate(String)

    package var description: String {
        switch self {
        case .unreadableDirectory(let path):
            "The template directory \(path) cannot be read: set TOKENWARD_TEMPLATES to a readable directory or unset it."
        case .tooLarge(let file):
            "Template \(file) is larger than \(MessageTemplates.fileBytesMax / 1024) KiB: make it shorter."
        case .notUTF8(let file):
            "Template \(file) is not UTF-8: save it as UTF-8."
        case .unknownFile(let file):
            """
            Template \(file) has a name that nothing uses: call it NAME.TARGET.mustache or NAME.TARGET.LANGUAGE.mustache, \
            TARGET one of \(TemplateTarget.allCases.map(\.rawValue).joined(separator: ", ")), LANGUAGE one of \
            \(MessageTemplates.languages.joined(separator: ", ")).
            """
        case .malformed(let file, let line, let problem):
            "Template \(file), line \(line): \(problem)."
        case .refusedTag(let file, let line, let tag):
            "Template \(file), line \(line): the tag \(tag) is refused here, because it would switch escaping off: use {{name}}."
        case .unknownPartial(let file, let line, let partial):
            "Template \(file), line \(line): the partial \(partial) does not exist or is of a target that is escaped differently."
        case .unknownName(let file, let line, let name):
            "Template \(file), line \(line): nothing is called \(name); docs/messages.md names every value."
        case .malformedWord(let file, let line):
            "Template \(file), line \(line): a line of words is NAME: TEXT."
        case .missingWord(let file, let name):
            "Template \(file): the word \(name) is missing: add a line `\(name): …`."
        case .empty(let name):
            "The template \(name).mustache says nothing: write something, or remove the file."
        case .partialCycle(let names):
            "Templates include each other without end: \(names.joined(separator: " → "))."
        case .missing(let name):
            "The template \(name).mustache is missing."
        case .unknownTemplate(let name):
            "There is no template \(name)."
        }
    }
}
