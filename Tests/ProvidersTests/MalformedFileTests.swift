import Domain
import FoundationEssentials
import Testing

@testable import Providers

@Suite("Malformed catalogue files")
struct MalformedFileTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var what: String
        var line: Int?
        /// The beginning of the sentence.
        var sentence: String
        var text: String
        var testDescription: String { what }

        init(_ what: String, _ line: Int?, _ sentence: String, _ text: String) {
            self.what = what
            self.line = line
            self.sentence = sentence
            self.text = text
        }
    }

    /// An entry that extends the base, with these lines from line 3 on.
    private static func entry(_ lines: String) -> String {
        "providers:\n  own:\n    extends: oauth2\n"
            + lines.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n")
    }

    static let cases: [Case] = [
        Case("empty", 1, "The file is empty.", ""),
        Case("not YAML", 2, "This is not YAML:", "providers:\n  own: {a: [}\n"),
        Case("tab", 2, "This is not YAML:", "providers:\n\tx: 1\n"),
        Case("a list", 1, "The file must be a mapping.", "- a\n"),
        Case(
            "twice the same", 2, "The field “own” stands there twice.",
            "providers:\n  own: {name: a}\n  own: {name: b}\n"),
        Case("two documents", 2, "This is not YAML:", "providers: {}\n---\nproviders: {}\n"),
        Case("unknown top field", 1, "The file has no field “provider”", "provider: {}\n"),
        Case("no providers", 1, "The file lacks “providers”", "schema_version: 1\n"),
        Case("other version", 1, "schema_version must be 1.", "schema_version: 2\nproviders: {}\n"),
        Case("name", 2, "A provider's name is lower case", "providers:\n  Bad_Name: {name: a}\n"),
        Case("entry is text", 2, "The entry “own” must be a mapping.", "providers:\n  own: hello\n"),
        Case("unknown field", 4, "An entry has no field “polcy”", entry("polcy: {}")),
        Case("unknown policy", 4, "policy has no field “refresh_befor”", entry("policy: {refresh_befor: 1m}")),
        Case("duration", 5, "policy.refresh_before must be a duration", entry("policy:\n  refresh_before: 10 minutes")),
        Case(
            "long duration", 5, "policy.refresh_before must be a duration",
            entry("policy:\n  refresh_before: 99999999999d")),
        Case("negative", 4, "policy.min_age must be a duration", entry("policy: {min_age: -1s}")),
        Case("boolean", 4, "policy.only_unexpired must be true or false.", entry("policy: {only_unexpired: maybe}")),
        Case(
            "confirmations", 4, "policy.dead_confirmations must be a whole number",
            entry("policy: {dead_confirmations: 0}")),
        Case("rotation", 4, "policy.rotation “sometimes” is not known", entry("policy: {rotation: sometimes}")),
        Case("old token", 4, "policy.old_refresh_valid must be none", entry("policy: {old_refresh_valid: soon}")),
        Case("map for a list", 4, "errors must be a list.", entry("errors: {a: 1}")),
        Case(
            "class", 5, "class “dead” is not known", entry("errors:\n  - {when: {status: 400}, class: dead, reason: r}")
        ),
        Case(
            "rule field", 5, "A rule has no field “if”",
            entry("errors:\n  - {if: 1, when: {status: 400}, class: reauth, reason: r}")),
        Case("empty when", 5, "A rule's “when” needs", entry("errors:\n  - {when: {}, class: client, reason: r}")),
        Case(
            "rule without reason", 5, "A rule needs when, class and reason.",
            entry("errors:\n  - {when: {status: 400}, class: client}")),
        Case("status", 5, "when.status must be", entry("errors:\n  - {when: {status: 4x}, class: client, reason: r}")),
        Case(
            "reason", 5, "A rule's reason is lower case",
            entry("errors:\n  - {when: {status: 400}, class: client, reason: \"<b>\"}")),
        Case(
            "pattern", 5, "re: The pattern's “(” is not closed.",
            entry("errors:\n  - {when: {body: {e: {re: \"(a\"}}}, class: client, reason: r}")),
        Case(
            "look-around", 5, "re: The pattern uses a group",
            entry("errors:\n  - {when: {body: {e: {re: \"(?=a)\"}}}, class: client, reason: r}")),
        Case(
            "condition", 5, "A condition has no field “regex”",
            entry("errors:\n  - {when: {body: {e: {regex: a}}}, class: client, reason: r}")),
        Case(
            "null condition", 5, "A value in when.body must be a text.",
            entry("errors:\n  - {when: {body: {e: null}}, class: client, reason: r}")),
        Case(
            "path", 5, "when.body: “a..b” is not a path",
            entry("errors:\n  - {when: {body: {a..b: 1}}, class: client, reason: r}")),
        Case(
            "phase", 5, "when.phase “later” is not known",
            entry("errors:\n  - {when: {phase: later}, class: client, reason: r}")),
        Case(
            "variable", 4, "refresh.params.a: The template variable {acces_token}",
            entry("refresh: {method: POST, encoding: form, client_auth: none, params: {a: \"{acces_token}\"}}")),
        Case(
            "constant", 4, "refresh.params.a: {var.nope} is not declared",
            entry("refresh: {method: POST, encoding: form, client_auth: none, params: {a: \"{var.nope}\"}}")),
        Case(
            "parameter", 4, "refresh.params.a: {conn.nope} is not declared",
            entry("refresh: {method: POST, encoding: form, client_auth: none, params: {a: \"{conn.nope}\"}}")),
        Case(
            "function", 4, "refresh.params.a: hmac_sha256_hex takes two",
            entry(
                "refresh: {method: POST, encoding: form, client_auth: none, params: {a: \"{hmac_sha256_hex(code)}\"}}")),
        Case(
            "open brace", 4, "refresh.params.a: A “{” is not closed",
            entry("refresh: {method: POST, encoding: form, client_auth: none, params: {a: \"{code\"}}")),
        Case(
            "method", 4, "refresh.method “PUT” is not known",
            entry("refresh: {method: PUT, encoding: form, client_auth: none}")),
        Case("missing method", 4, "“refresh” needs method, encoding and client_auth.", entry("refresh: {params: {}}")),
        Case(
            "GET with a body", 4, "refresh: GET sends its parameters in the URL",
            entry("refresh: {method: GET, encoding: form, client_auth: none}")),
        Case(
            "header", 4, "refresh.headers: “Content-Length” is not",
            entry("refresh: {method: POST, encoding: form, client_auth: none, headers: {Content-Length: 1}}")),
        Case("no refresh", 2, "The entry “own” lacks “refresh”", entry("refresh: null")),
        Case("endpoint name", 4, "endpoints has no field “tokn”", entry("endpoints: {tokn: \"https://a.example\"}")),
        Case(
            "plain http", 4, "endpoints.token: The URL must begin with https://;",
            entry("endpoints: {token: \"http://a.example/t\"}")),
        Case(
            "no scheme", 4, "endpoints.token: The URL must begin with https://.",
            entry("endpoints: {token: \"a.example/t\"}")),
        Case(
            "user in URL", 4, "endpoints.token: The URL must not hold a user name",
            entry("endpoints: {token: \"https://u:p@a.example/t\"}")),
        Case(
            "extends nothing", 3, "“own” extends “nobody”, which does not exist.",
            "providers:\n  own:\n    extends: nobody\n"),
        Case("extends itself", 3, "“own” extends itself", "providers:\n  own:\n    extends: own\n"),
        Case(
            "cycle", 4, "“b” extends itself by way of “a”.",
            "providers:\n  a:\n    {extends: b, name: a}\n  b: {extends: a}\n"),
        Case("no name", 2, "The entry “own” lacks “name”.", "providers:\n  own: {credential: none}\n"),
        Case(
            "no credential", 2, "The entry “own” lacks “credential”; say “extends: oauth2”",
            "providers:\n  own: {name: X}\n"),
        Case(
            "no response", 2, "The entry “own” lacks “response”; say “extends: oauth2”",
            "providers:\n  own: {name: X, credential: none}\n"),
        Case(
            "no token path", 2, "“response” lacks access_token",
            "providers:\n  own: {name: X, credential: none, response: {}}\n"),
        Case(
            "unit", 4, "response.access_expires.unit “days” is not known",
            entry("response: {access_token: a, access_expires: {path: e, unit: days}}")),
        Case(
            "predicate", 4, "response.success: a predicate is",
            entry("response: {access_token: a, success: [{path: e}]}")),
        Case(
            "needs code", 4, "The provider needs code (“dpop”)",
            entry("code_required: [{hook: dpop, optional: false, why: x}]")),
        Case("example", 4, "An example needs name", entry("examples: [{name: a}]")),
        Case(
            "expectation", 4, "expect must be ok or a class",
            entry("examples: [{name: a, status: 200, body: \"\", expect: fine}]")),
        Case(
            "source", 5, "connection_params.p.source must be operator",
            entry("connection_params:\n  p: {source: anyone}")),
        Case(
            "default", 2, "The value “abc” of the connection parameter “p” must match",
            entry("connection_params: {p: {pattern: \"[0-9]+\", default: abc}}")),
        Case("retry", 4, "retry_after is one of header", entry("retry_after: [{path: a}]")),
    ]

    @Test(arguments: cases)
    func `a malformed file is refused at its line with one sentence`(sample: Case) throws {
        let error = #expect(throws: CatalogueError.self) { try overlaid(sample.text) }
        #expect(error?.file == "test.yaml")
        #expect(error?.line == sample.line)
        #expect(error?.sentence.hasPrefix(sample.sentence) == true, "\(error?.description ?? "")")
        #expect(error?.sentence.contains("\n") == false)
    }

    @Test func `an error is told as file, line and sentence`() {
        let error = CatalogueError(file: "a.yaml", line: 3, sentence: "No.")
        #expect(error.description == "a.yaml:3: No.")
        #expect(CatalogueError(file: "a.yaml", line: nil, sentence: "No.").description == "a.yaml: No.")
    }

    @Test func `deep chains of extends and too many entries are refused`() {
        let chain = (1...9).map { "  e\($0): {name: e, extends: \($0 == 9 ? "oauth2" : "e\($0 + 1)")}\n" }.joined()
        #expect(throws: CatalogueError.self) { try overlaid("providers:\n" + chain) }
        let many = (1...501).map { "  e\($0): {name: e, extends: oauth2}\n" }.joined()
        #expect(throws: CatalogueError.self) { try overlaid("providers:\n" + many) }
    }

    @Test func `deep nesting and expanding aliases end in an error`() {
        let deep = "providers:\n  own: " + String(repeating: "[", count: 500) + String(repeating: "]", count: 500)
        #expect(throws: CatalogueError.self) { try overlaid(deep) }
        let deeper = "providers:\n  own: " + String(repeating: "[", count: 400_000)
        #expect(throws: CatalogueError.self) { try overlaid(deeper) }
        var bomb = "providers:\n  own:\n    limits:\n      a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        for level in 1...9 {
            let list = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            bomb += "      a\(level): &a\(level) [\(list)]\n"
        }
        #expect(throws: CatalogueError.self) { try overlaid(bomb) }
    }

    @Test func `text that is not UTF-8 is refused`() {
        #expect(throws: CatalogueError(file: "b", line: nil, sentence: "The file is not UTF-8 text; save it as UTF-8."))
        {
            try CatalogueFile(name: "b", bytes: [0x61, 0xFF, 0xFE])
        }
    }

    @Test func `older files that call a catch-all or a bare status dead are read without that verdict`() throws {
        let laid = try overlaid(
            """
            providers:
              own:
                extends: oauth2
                policy: {unmatched_4xx: reauth}
                errors:
                  - {when: {status: 404}, class: reauth, reason: gone}
                  - {when: {status: 410, body: {error: {exists: false}}}, class: reauth, reason: also_gone}
            """)
        let entry = try #require(laid["own"])
        for (status, body) in [(404, "{}"), (404, "<html>"), (410, ""), (410, "{}"), (418, "{}")] {
            #expect(entry.failure(status, body)?.answerClass == .unknown)
            #expect(entry.failure(status, body)?.isNamed == false)
        }
    }
}
