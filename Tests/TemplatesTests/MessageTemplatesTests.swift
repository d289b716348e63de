import FoundationEssentials
import Testing

@testable import Templates

@Suite struct MessageTemplatesTests {
    private let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../templates").path

    private func files(_ changes: [String: String?]) -> [String: [UInt8]] {
        var files = MessageTemplates.embedded
        for (name, text) in changes { files[name] = text.map { Array($0.utf8) } }
        return files
    }

    @Test func `every file of the folder is embedded`() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".mustache") }
        #expect(Set(names) == Set(MessageTemplates.embedded.keys))
    }

    @Test func `the embedded templates load`() throws {
        let templates = try MessageTemplates.load()
        #expect(Set(MessageTemplates.required).isSubset(of: templates.names))
    }

    @Test(arguments: MessageTemplates.required)
    func `a missing template is named`(_ name: String) {
        #expect(throws: TemplateError.missing(name)) { try MessageTemplates(files: files(["\(name).mustache": nil])) }
    }

    @Test func `a translation of nothing is refused`() {
        #expect(throws: TemplateError.missing("other.text")) {
            try MessageTemplates(files: files(["other.text.es.mustache": "hola"]))
        }
    }

    @Test(arguments: [
        "note.mustache", "note.sms.mustache", "note.text.fr.mustache", "note.text.en.us.mustache", ".text.mustache",
    ])
    func `a name that nothing uses is refused`(_ file: String) {
        #expect(throws: TemplateError.unknownFile(file)) { try MessageTemplates(files: files([file: "x"])) }
    }

    @Test func `malformed templates are named with their line`() {
        let problem = #expect(throws: TemplateError.self) {
            try MessageTemplates(files: files(["opened.text.mustache": "one\ntwo {{#more}}\nthree {{/less}}\n"]))
        }
        guard case .malformed(let file, let line, _) = problem else {
            Issue.record("\(String(describing: problem))")
            return
        }
        #expect(file == "opened.text.mustache")
        #expect(line == 3)
    }

    @Test(arguments: [
        ("opened.slack.mustache", "a\n{{{name}}}"), ("opened.html.mustache", "a\n{{&name}}"),
        ("notice.page.mustache", "a\n{{ & name}}"), ("opened.html.mustache", "a\n{{=<% %>=}}<%&name%>"),
        ("opened.html.mustache", "a\n{{% CONTENT_TYPE:TEXT}}{{name}}"), ("opened.text.mustache", "a\n{{>*name}}"),
    ])
    func `tags that switch escaping off are refused`(_ file: String, _ text: String) {
        let problem = #expect(throws: TemplateError.self) { try MessageTemplates(files: files([file: text])) }
        guard case .refusedTag(file, 2, _) = problem else {
            Issue.record("\(String(describing: problem))")
            return
        }
    }

    @Test func `plain text may say a value as it is`() throws {
        let templates = try MessageTemplates(files: files(["test.text.mustache": "{{{name}}} {{name}}"]))
        #expect(try templates.render("test.text", ["name": "<&>"]) == "<&> <&>\n")
    }

    @Test func `a partial of a target with other escapes is refused`() {
        let changes = ["word.text.mustache": "{{name}}", "test.html.mustache": "{{> word.text}}"]
        #expect(throws: TemplateError.unknownPartial(file: "test.html.mustache", line: 1, partial: "word.text")) {
            try MessageTemplates(files: files(changes))
        }
    }

    @Test func `partials are escaped for their target and may not go in circles`() throws {
        let templates = try MessageTemplates(
            files: files(["line.slack.mustache": "{{name}}!", "test.slack.mustache": "{{> line.slack}} {{name}}"]))
        #expect(try templates.render("test.slack", ["name": "<\">"]) == "&lt;\"&gt;! &lt;\"&gt;\n")
        #expect(throws: TemplateError.self) {
            try MessageTemplates(
                files: files(["line.slack.mustache": "{{> test.slack}}", "test.slack.mustache": "{{> line.slack}}"]))
        }
    }

    @Test(arguments: [
        ("html", "<a href='x'>\"&", "&lt;a href=&#39;x&#39;&gt;&quot;&amp;"),
        ("html", "\"\u{301} onclick=", "&quot;\u{301} onclick="),
        ("page", "<\u{338}b>", "&lt;\u{338}b&gt;"),
        ("slack", "<!channel> \"a\" & <@U1>", "&lt;!channel&gt; \"a\" &amp; &lt;@U1&gt;"),
        ("json", "a\"b\\c\nd", "a\\\"b\\\\c\\u000ad"),
        ("text", "<&>\"", "<&>\""),
    ])
    func `values are escaped by target`(_ target: String, _ value: String, _ expected: String) throws {
        let templates = try MessageTemplates(files: files(["note.\(target).mustache": "{{value}}"]))
        #expect(try templates.render("note.\(target)", ["value": .text(value)]) == expected + "\n")
    }

    @Test func `a language falls back to English`() throws {
        let templates = try MessageTemplates(
            files: files([
                "note.text.mustache": "hi {{> word.text}}", "word.text.mustache": "friend",
                "word.text.es.mustache": "amigo",
            ])
        )
        #expect(try templates.render("note.text", language: "es", [:]) == "hi amigo\n")
        #expect(try templates.render("note.text", language: "ru", [:]) == "hi friend\n")
        #expect(try templates.render("note.text", language: "xx", [:]) == "hi friend\n")
        #expect(throws: TemplateError.unknownTemplate("no.text")) { try templates.render("no.text", [:]) }
    }

    @Test func `a directory replaces files by name`() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "templates-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        try Data("Mine".utf8).write(to: directory.appending(path: "test.subject.mustache"))
        try Data("not one".utf8).write(to: directory.appending(path: "README"))
        let templates = try MessageTemplates.load(overrideDirectory: directory.path)
        #expect(try templates.render("test.subject", [:]) == "Mine")
        #expect(throws: TemplateError.unreadableDirectory("/does/not/exist")) {
            try MessageTemplates.load(overrideDirectory: "/does/not/exist")
        }
        try Data(repeating: 65, count: MessageTemplates.fileBytesMax + 1).write(
            to: directory.appending(path: "test.text.mustache"))
        #expect(throws: TemplateError.self) { try MessageTemplates.load(overrideDirectory: directory.path) }
    }

    @Test func `a subject is one line`() throws {
        let templates = try MessageTemplates.load()
        let context: [String: TemplateValue] = [
            "isChannel": true, "needsHuman": true, "isSingle": true, "name": "Bakery\r\nBcc: x", "provider": "tiktok",
        ]
        #expect(try templates.render("opened.subject", context) == "Re-authorize Bakery Bcc: x (tiktok)")
    }

    @Test(arguments: [
        ("opened.text.mustache", "one\ntwo {{nmae}}", "nmae", 2),
        ("opened.slack.mustache", "{{#isOpen}}x{{/isOpen}}", "isOpen", 1),
        ("opened.html.mustache", "a\n\n{{^ links }}x{{/ links }}", "links", 3),
        ("test.subject.ru.mustache", "{{words.nothing}}", "words.nothing", 1),
        ("words.text.ru.mustache", "since: С\nsinze: С", "sinze", 2),
        ("words.text.es.mustache", "since: {{sicne}}", "sicne", 1),
    ])
    func `a name that no message has is refused with its line`(
        _ file: String, _ text: String, _ name: String, _ line: Int
    ) {
        let problem = #expect(throws: TemplateError.unknownName(file: file, line: line, name: name)) {
            try MessageTemplates(files: files([file: text]))
        }
        #expect(problem?.description.contains("line \(line)") == true)
    }

    @Test func `a file of words is NAME and TEXT, and English has them all`() throws {
        #expect(throws: TemplateError.malformedWord(file: "words.text.vi.mustache", line: 2)) {
            try MessageTemplates(files: files(["words.text.vi.mustache": "since: Từ\nno word"]))
        }
        let some = #expect(throws: TemplateError.self) {
            try MessageTemplates(files: files(["words.text.mustache": "since: Since"]))
        }
        guard case .missingWord("words.text.mustache", _) = some else {
            Issue.record("\(String(describing: some))")
            return
        }
        let templates = try MessageTemplates(files: files(["words.text.vi.mustache": "since: Kể từ"]))
        let words = try templates.words(language: "vi", [:])
        #expect(words["since"] == "Kể từ")
        #expect(words["repair"] == "Re-authorize")
        #expect(words["left"] == nil)
    }

    @Test func `each language has the words of English`() throws {
        let templates = try MessageTemplates.load()
        let context: [String: TemplateValue] = [
            "isOpened": true, "isCritical": true, "isChannel": true, "isDays": true, "days": 3, "more": 2, "who": "Ann",
            "deadline": "tomorrow",
        ]
        let english = try templates.words(language: "en", context)
        for language in MessageTemplates.languages where language != "en" {
            let words = try templates.words(language: language, context)
            #expect(Set(words.keys) == Set(english.keys))
            for (name, word) in words { #expect(word != english[name], "\(name) in \(language) is English") }
        }
    }
}
