import FoundationEssentials
import Mustache

/// The texts of messages and pages: embedded, each replaceable by a file of the same name.
///
/// Everything is parsed and checked when it is loaded, so that a bad file is found at start and not by the first
/// message. Values are escaped by the target in the template's name.
package struct MessageTemplates: Sendable {
    package static let fallbackLanguage = "en"
    package static let languages = ["en", "es", "ru", "vi"]

    static let fileBytesMax = 256 * 1024
    static let filesMax = 1000

    /// What the product itself renders; a set without one of them does not load.
    static let required =
        ["opened", "reminder", "escalated", "recovered", "test"].flatMap { kind in
            ["html", "slack", "subject", "text"].map { "\(kind).\($0)" }
        } + ["reason.text", MessageWords.template, "notice.page", "reauthorize.page", "unsubscribe.page"]

    private let libraries: [String: MustacheLibrary]
    private let files: [String: [UInt8]]
    /// Languages whose words are not all there.
    private let lacking: Set<String>
    /// Names without language, sorted.
    package let names: [String]

    /// The embedded templates, overlaid with the files of a directory.
    ///
    /// - Parameter overrideDirectory: `TOKENWARD_TEMPLATES`; files that do not end in `.mustache` are ignored.
    package static func load(overrideDirectory: String? = nil) throws(TemplateError) -> MessageTemplates {
        var files = embedded
        if let overrideDirectory {
            for (file, bytes) in try Self.files(in: overrideDirectory) { files[file] = bytes }
        }
        return try MessageTemplates(files: files)
    }

    init(files: [String: [UInt8]]) throws(TemplateError) {
        var sources: [(file: String, name: TemplateName, text: String)] = []
        for (file, bytes) in files.sorted(by: { $0.key < $1.key }) {
            guard bytes.count <= Self.fileBytesMax else { throw .tooLarge(file: file) }
            guard let text = String(validating: bytes, as: UTF8.self) else { throw .notUTF8(file: file) }
            sources.append((file, try TemplateName(file: file), text))
        }
        let english = Set(sources.filter { $0.name.language == Self.fallbackLanguage }.map(\.name.name))
        for name in Self.required where !english.contains(name) { throw .missing(name) }
        for source in sources where !english.contains(source.name.name) { throw .missing(source.name.name) }

        let words = try Self.words(sources)
        var includes: [String: Set<String>] = [:]
        var parsed: [TemplateName: MustacheTemplate] = [:]
        for (file, name, text) in sources {
            let scan = try TemplateScan(text, file: file, target: name.target)
            for partial in scan.partials {
                guard english.contains(partial.name), let target = TemplateName.target(of: partial.name),
                    name.target.mayInclude(target)
                else { throw .unknownPartial(file: file, line: partial.line, partial: partial.name) }
                includes[name.name, default: []].insert(partial.name)
            }
            if let unknown = Self.unknownMention(scan, in: name, words: words) {
                throw .unknownName(file: file, line: unknown.line, name: unknown.name)
            }
            parsed[name] = try Self.parse(text, file: file, target: name.target)
        }
        try Self.refuseCycles(includes)

        var libraries: [String: MustacheLibrary] = [:]
        for language in Self.languages {
            var library = MustacheLibrary()
            // English first: what a language lacks stays English.
            for (name, template) in parsed where name.language == Self.fallbackLanguage {
                library.register(template, named: name.name)
            }
            for (name, template) in parsed where name.language == language {
                library.register(template, named: name.name)
            }
            libraries[language] = library
        }
        self.libraries = libraries
        self.files = files
        lacking = Set(
            Self.languages.filter { language in
                let own = sources.first { $0.name.name == MessageWords.template && $0.name.language == language }
                let names = (try? own.map { try MessageWords.lines($0.text, file: $0.file) })?.map(\.name) ?? []
                return !words.isSubset(of: names)
            })
        self.names = english.sorted()
    }

    /// The same templates with another text of one, checked as at start.
    package func replacing(
        _ name: String, language: String, with text: String
    ) throws(TemplateError) -> MessageTemplates {
        var files = files
        let suffix = language == Self.fallbackLanguage ? "" : "." + language
        files["\(name)\(suffix).mustache"] = Array(text.utf8)
        return try MessageTemplates(files: files)
    }

    /// The text of a template as it is in use in a language; nil when there is none of its own.
    package func source(_ name: String, language: String) -> [UInt8]? {
        files[name + (language == Self.fallbackLanguage ? "" : "." + language) + ".mustache"]
    }

    /// Renders `NAME.TARGET`; a `subject` comes as one line, the others end in one line feed.
    ///
    /// - Parameter language: one of ``languages``; what is not there in it is rendered in English.
    /// - Throws: ``TemplateError/unknownTemplate(_:)``.
    package func render(
        _ name: String, language: String = MessageTemplates.fallbackLanguage, _ context: [String: TemplateValue]
    ) throws(TemplateError) -> String {
        guard let library = libraries[language] ?? libraries[Self.fallbackLanguage],
            let text = library.render(context.mapValues(\.representation), withTemplate: name)
        else { throw .unknownTemplate(name) }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if TemplateName.target(of: name) == .subject {
            return lines.flatMap { $0.split(whereSeparator: \.isWhitespace) }.joined(separator: " ")
        }
        return Self.tidied(lines) + "\n"
    }

    /// The words of a language by name, for templates to say as `{{words.NAME}}`; English where it lacks one.
    package func words(
        language: String, _ context: [String: TemplateValue]
    ) throws(TemplateError) -> [String: TemplateValue] {
        let own = MessageWords.values(try render(MessageWords.template, language: language, context))
        guard lacking.contains(language) else { return own }
        return MessageWords.values(try render(MessageWords.template, context)).merging(own) { _, own in own }
    }

    // MARK: Loading

    /// The names of all words: those of English, which must have every word that the built-in layouts say.
    private static func words(
        _ sources: [(file: String, name: TemplateName, text: String)]
    ) throws(TemplateError) -> Set<String> {
        let files = sources.filter { $0.name.name == MessageWords.template }
        guard let english = files.first(where: { $0.name.language == fallbackLanguage }) else { return [] }
        let words = Set(try MessageWords.lines(english.text, file: english.file).map(\.name))
        let builtIn = embedded[english.file].map { String(decoding: $0, as: UTF8.self) } ?? ""
        for line in try MessageWords.lines(builtIn, file: english.file) where !words.contains(line.name) {
            throw .missingWord(file: english.file, name: line.name)
        }
        for file in files {
            for line in try MessageWords.lines(file.text, file: file.file) where !words.contains(line.name) {
                throw .unknownName(file: file.file, line: line.number, name: line.name)
            }
        }
        return words
    }

    /// The first name in a message's template that no message has; pages and partials of others are not looked at.
    private static func unknownMention(
        _ scan: TemplateScan, in name: TemplateName, words: Set<String>
    ) -> TemplateScan.Mention? {
        guard name.target != .page, embedded[name.name + ".mustache"] != nil else { return nil }
        return scan.mentions.first { !MessageVocabulary.contains($0.name, words: words) }
    }

    /// Runs of blank lines, which sections leave behind, become one; none at either end.
    private static func tidied(_ lines: [Substring]) -> String {
        var kept: [Substring] = []
        for line in lines {
            let isBlank = line.allSatisfy(\.isWhitespace)
            if isBlank, kept.last?.isEmpty ?? true { continue }
            kept.append(isBlank ? "" : line)
        }
        if kept.last?.isEmpty == true { kept.removeLast() }
        return kept.joined(separator: "\n")
    }

    private static func parse(
        _ text: String, file: String, target: TemplateTarget
    ) throws(TemplateError) -> MustacheTemplate {
        do {
            return try MustacheTemplate(string: target.pragma + text)
        } catch let error as MustacheTemplate.ParserError {
            throw .malformed(file: file, line: error.context.lineNumber, problem: sentence(of: error.error))
        } catch {
            throw .malformed(file: file, line: 1, problem: "it cannot be read as Mustache")
        }
    }

    private static func sentence(of error: any Error) -> String {
        switch error as? MustacheTemplate.Error {
        case .sectionCloseNameIncorrect: "a section is closed under another name than it was opened"
        case .unfinishedName: "a tag has no end"
        case .expectedSectionEnd: "a section is not closed"
        default: "it cannot be read as Mustache"
        }
    }

    private static func refuseCycles(_ includes: [String: Set<String>]) throws(TemplateError) {
        var done: Set<String> = []
        func visit(_ name: String, _ path: [String]) throws(TemplateError) {
            if path.contains(name) { throw .partialCycle(path + [name]) }
            guard !done.contains(name) else { return }
            for next in (includes[name] ?? []).sorted() { try visit(next, path + [name]) }
            done.insert(name)
        }
        for name in includes.keys.sorted() { try visit(name, []) }
    }

    private static func files(in directory: String) throws(TemplateError) -> [(String, [UInt8])] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: directory), names.count <= filesMax
        else { throw .unreadableDirectory(directory) }
        var files: [(String, [UInt8])] = []
        for name in names.sorted() where name.hasSuffix(".mustache") {
            let path = directory + "/" + name
            let size = (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? UInt64
            if let size, size > fileBytesMax { throw .tooLarge(file: path) }
            guard let data = FileManager.default.contents(atPath: path) else { throw .unreadableDirectory(path) }
            files.append((name, Array(data)))
        }
        return files
    }
}
