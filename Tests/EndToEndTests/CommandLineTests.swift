import FoundationEssentials
import Testing

/// Wrong words, settings and files: each is refused with its exit status and a sentence that says how to mend it.
struct CommandLineTests {
    /// A command that must be refused before it touches anything.
    struct Refusal: CustomTestStringConvertible, Sendable {
        var words: [String]
        var settings: [String: String] = [:]
        var input = ""
        var status: Int32 = 2
        /// Parts of the sentence: what is wrong, how to mend it.
        var says: [String]

        var testDescription: String {
            (settings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } + ["tokenward"] + words)
                .joined(separator: " ")
        }
    }

    @Test(arguments: [
        Refusal(words: ["frobnicate"], says: ["Unexpected argument 'frobnicate'", "tokenward --help"]),
        Refusal(words: ["channels", "frob"], says: ["Unexpected argument 'frob'", "channels --help"]),
        Refusal(words: ["serve", "--frob"], says: ["Unknown option '--frob'", "serve --help"]),
        Refusal(words: ["channels", "show"], says: ["Missing expected argument '<id>'", "channels show --help"]),
        Refusal(words: ["channels", "list", "--limit", "x"], says: ["'x' is invalid for '--limit", "1…500"]),
        Refusal(words: ["channels", "list", "--limit", "501"], says: ["--limit is a number from 1 to 500."]),
        Refusal(words: ["channels", "list", "--status", "gone"], says: ["--status is active, warning, paused or"]),
    ])
    func `wrong words are refused with the usage`(_ refusal: Refusal) async throws {
        let ending = try await Program.run(refusal.words, settings: refusal.settings)
        #expect(ending.status == 2, "\(ending)")
        for part in refusal.says { #expect(ending.errors.contains(part), "\(ending)") }
        #expect(ending.output.isEmpty, "\(ending)")
    }

    @Test(arguments: [
        Refusal(
            words: ["channels", "list"], settings: ["DATABASE_URL": "mysql://h/x"],
            says: ["DATABASE_URL in the environment is not a PostgreSQL URI", "write postgresql://"]),
        Refusal(
            words: ["channels", "list", "--database-url", "h:5432"],
            says: ["DATABASE_URL on the command line is not a PostgreSQL URI", "write postgresql://"]),
        Refusal(
            words: ["channels", "list"], settings: ["DATABASE_URL": "postgresql://postgres@127.0.0.1:1/x"], status: 1,
            says: ["The database cannot be used", "Connection refused", "Check DATABASE_URL"]),
        Refusal(
            words: ["serve"], settings: ["DATABASE_URL": "postgresql://postgres@127.0.0.1:1/x"], status: 1,
            says: ["The database cannot be used", "Connection refused", "Check DATABASE_URL"]),
        Refusal(
            words: ["channels", "list"], settings: ["TOKENWARD_POL": "1s"],
            says: ["TOKENWARD_POL in the environment is not a setting", "write TOKENWARD_POLL"]),
        Refusal(
            words: ["serve"], settings: ["TOKENWARD_POLL": "fast"],
            says: ["TOKENWARD_POLL in the environment is \"fast\"", "such as 30s"]),
        Refusal(
            words: ["serve", "--listen", "nowhere"],
            says: ["\"nowhere\"", "write address:port, such as 127.0.0.1:8080"]),
        Refusal(
            words: ["serve", "--listen", "127.0.0.1:99999"], says: ["127.0.0.1:99999", "write address:port"]),
        Refusal(words: ["serve", "--config", "/nope.yaml"], says: ["/nope.yaml cannot be read", "check the path"]),
        Refusal(
            words: ["providers", "show", "nope"], says: ["There is no provider `nope`", "`tokenward providers list`"]),
        Refusal(words: ["providers", "check", "/nope.yaml"], says: ["/nope.yaml", "no such file"]),
        Refusal(words: ["channels", "import", "/nope.csv"], says: ["The file /nope.csv cannot be read"]),
        Refusal(
            words: ["channels", "add", "--provider", "youtube"], input: "not json",
            says: ["Standard input is not a JSON object"]),
        Refusal(
            words: ["channels", "add", "--provider", "youtube"], input: #"{"accesToken": "x"}"#,
            says: ["`accesToken` is not a field of a channel", "accessToken"]),
        Refusal(
            words: ["channels", "list"], settings: ["TOKENWARD_ADMIN_TOKEN_FILE": "/nope"],
            says: ["TOKENWARD_ADMIN_TOKEN_FILE names /nope", "check the path"]),
    ])
    func `a wrong setting or file is refused in one sentence`(_ refusal: Refusal) async throws {
        let directory = "/tmp/tokenward-e2e-\(UUID().uuidString.prefix(8).lowercased())"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let settings = ["TOKENWARD_DATA_DIR": directory].merging(refusal.settings) { _, new in new }
        let ending = try await Program.run(refusal.words, settings: settings, input: refusal.input)
        #expect(ending.status == refusal.status, "\(ending)")
        for part in refusal.says { #expect(ending.errors.contains(part), "\(ending)") }
        #expect(ending.output.isEmpty, "\(ending)")
        expectOneSentence(ending)
    }

    @Test(arguments: [
        [], ["serve"], ["demo"], ["migrate"], ["refresh"], ["status"], ["channels"], ["channels", "add"],
        ["channels", "list"], ["channels", "show"], ["channels", "token"], ["channels", "pause"],
        ["channels", "resume"], ["channels", "remove"], ["channels", "import"], ["channels", "link"], ["destinations"],
        ["destinations", "list"], ["destinations", "test"], ["incidents"], ["incidents", "list"], ["providers"],
        ["providers", "list"], ["providers", "show"], ["providers", "check"],
    ])
    func `the help of each command shows an example`(_ words: [String]) async throws {
        let ending = try await Program.run(words + ["--help"])
        #expect(ending.status == 0, "\(ending)")
        #expect(ending.output.contains("Example: "), "\(ending)")
        #expect(ending.output.contains("tokenward " + words.joined(separator: " ")), "\(ending)")
        #expect(ending.errors.isEmpty, "\(ending)")
    }

    @Test func `the catalogue is listed and shown without a database`() async throws {
        let settings = ["TOKENWARD_DATA_DIR": "/nonexistent/data"]
        let list = try await Program.run(["providers", "list"], settings: settings)
        #expect(list.status == 0, "\(list)")
        for name in ["amocrm", "facebook-ads", "tiktok-shop", "youtube", "whatsapp"] {
            #expect(list.output.contains("\n\(name) "), "\(list)")
        }
        let entry = try await Program.run(["providers", "show", "amocrm"], settings: settings)
        #expect(entry.status == 0 && entry.output.contains("subdomain"), "\(entry)")
    }

    @Test func `a file of providers is checked with file and line`() async throws {
        let directory = "/tmp/tokenward-e2e-\(UUID().uuidString.prefix(8).lowercased())"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let good = directory + "/good.yaml"
        try Data("schema_version: 1\nproviders:\n  youtube:\n    note: Ours\n".utf8).write(
            to: URL(filePath: good))
        let bad = directory + "/bad.yaml"
        try Data("schema_version: 1\nproviders:\n  youtube:\n    titel: x\n".utf8).write(to: URL(filePath: bad))
        let accepted = try await Program.run(["providers", "check", good])
        #expect(accepted.status == 0 && accepted.output.contains("is fine"), "\(accepted)")
        let refused = try await Program.run(["providers", "check", bad])
        #expect(refused.status == 2 && refused.errors.contains("bad.yaml:4: "), "\(refused)")
        #expect(refused.errors.contains("titel"), "\(refused)")
        let used = try await Program.run(["providers", "list"], settings: ["TOKENWARD_CATALOGUE": bad])
        #expect(used.status == 2 && used.errors.contains("bad.yaml:4: "), "\(used)")
    }
}

/// One line on standard error that names the program and ends as a sentence does.
func expectOneSentence(_ ending: Ending, at location: SourceLocation = #_sourceLocation) {
    let lines = ending.errors.split(separator: "\n")
    #expect(lines.count == 1, "\(ending)", sourceLocation: location)
    #expect(lines.first?.hasPrefix("tokenward: ") == true, "\(ending)", sourceLocation: location)
    #expect(lines.first?.hasSuffix(".") == true, "\(ending)", sourceLocation: location)
    #expect(!ending.errors.contains("?.") && !ending.errors.contains(".."), "\(ending)", sourceLocation: location)
}
