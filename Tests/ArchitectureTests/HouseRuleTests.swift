import Testing

@Suite("House rules")
struct HouseRuleTests {
    /// Rings 0 and 1, where C is wrapped, and the journal, which maps bytes.
    private static let mayBeUnsafe: Set = [
        "Curl", "Domain", "Journal", "MicroHTTP", "POSIX", "Postgres", "Sealing", "Threads",
    ]

    @Test func `memory is handled by hand in the wrappers alone`() throws {
        try refuse("unsafe", /\bunsafe\b/, "wrap it in a module of ring 0 or 1") { path in
            !Self.mayBeUnsafe.contains(module(of: path))
        }
    }

    @Test func `only the command line prints`() throws {
        try refuse("print(", /(?:^|[^.\w])print\(/, "log it, or return it") { module(of: $0) != "tokenward" }
    }

    @Test func `nothing crashes on purpose or escapes its scope`() throws {
        try refuse("try!", /\btry!/, "throw or handle it")
        try refuse("as!", /\bas!/, "use as? and handle nil")
        try refuse(
            "Task", /(?:^|[^.\w])Task\s*(?:\([^)]*\)\s*)?\{/, "use a task group, or a run() that its owner awaits")
        try refuse("Task", /\bTask\s*\.\s*(detached|immediate)\b/, "use a task group")
    }

    @Test func `nothing is left for later`() throws {
        let marks = ["TO" + "DO", "FIX" + "ME"]
        for path in sources + tests {
            let text = try Repository.text(path)
            for mark in marks { #expect(!text.contains(mark), "\(path) has a \(mark): do it, or open an issue") }
        }
    }

    @Test func `no file is over 400 lines`() throws {
        for path in sources + tests {
            let lines = try Repository.text(path).utf8.count { $0 == UInt8(ascii: "\n") }
            #expect(lines <= 400, "\(path) has \(lines) lines: split it by idea")
        }
    }

    @Test func `no test is switched off or sleeps`() throws {
        // The one place that may: what other processes do is polled there, with a deadline.
        for path in tests where path != "Tests/TestSupport/Eventually.swift" {
            let code = try #require(Repository.code[path])
            for word in ["Task.sleep", "usleep(", ".disabled(", "withKnownIssue"] {
                #expect(!code.contains(word), "\(path) has \(word): wait for a signal or a clock")
            }
        }
    }

    @Test func `the top level has what it should and nothing else`() throws {
        let allowed: Set = [
            ".ci", ".dockerignore", ".editorconfig", ".gitignore", ".swift-format", "CHANGELOG.md", "CONTRIBUTING.md",
            "Dockerfile", "LICENSE", "Makefile", "Package.swift", "README.md", "SECURITY.md", "Sources", "Tests",
            "compose.yaml", "docs", "k8s", "templates",
        ]
        for name in try Repository.topLevel() {
            #expect(allowed.contains(name), "\(name) has no place at the top level")
        }
    }

    @Test func `templates are flat, so that their names are enough`() {
        let files = Repository.files(below: "templates", ending: "")
        #expect(files.count > 5)
        for file in files {
            #expect(file.split(separator: "/").count == 2 && file.hasSuffix(".mustache"), "\(file)")
        }
    }

    @Test(arguments: [
        ("a // try!\nb", "a \nb"), ("x /* as! /* y */ z */ w", "x  w"),
        ("let s = \"print(\\(f(\"a\"))\" + t", "let s = \"\" + t"),
        ("\"\"\"\n print(\n \"\"\" + u", "\"\"\n\n + u"), ("#\"a\"b\"# c", "\"\" c"), ("\"\\\"\" d", "\"\" d"),
    ])
    func `comments and strings are no code`(source: String, code: String) {
        #expect(SwiftText.code(of: source) == code)
    }

    private var sources: [String] { Repository.files(below: "Sources", ending: ".swift") }
    private var tests: [String] { Repository.files(below: "Tests", ending: ".swift") }

    private func module(of path: String) -> String { String(path.split(separator: "/")[1]) }

    private func refuse(
        _ word: String, _ pattern: some RegexComponent, _ instead: String, in included: (String) -> Bool = { _ in true }
    ) throws {
        for path in sources where included(path) {
            // The word first: a regular expression on every line would take longer than all other tests.
            guard let code = Repository.code[path], code.contains(word) else { continue }
            let lines = code.split(separator: "\n", omittingEmptySubsequences: false)
            for (index, line) in lines.enumerated() where line.contains(word) && line.contains(pattern) {
                Issue.record("\(path):\(index + 1): \(line): \(instead)")
            }
        }
    }
}
