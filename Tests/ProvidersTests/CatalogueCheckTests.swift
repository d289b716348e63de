import Domain
import FoundationEssentials
import Testing

@testable import Providers

@Suite("Checking users' files")
struct CatalogueCheckTests {
    private func check(_ text: String) throws -> CatalogueCheck {
        try catalogue.get().check([CatalogueFile(name: "my.yaml", text: text)])
    }

    @Test func `every entry's mistake is told, not the first alone`() throws {
        let check = try check(
            """
            providers:
              one:
                extends: oauth2
                polcy: {}
              two:
                extends: oauth2
                policy: {refresh_before: 10}
              three: {extends: two}
            """)
        #expect(
            check.mistakes.map(\.description) == [
                "my.yaml:4: An entry has no field “polcy”; did you mean “policy”?",
                "my.yaml:7: policy.refresh_before must be a duration such as 30s, 10m, 24h or 60d.",
            ])
    }

    @Test func `a failing example is told at its line with what it was taken for`() throws {
        let check = try check(
            """
            providers:
              mine:
                extends: oauth2
                examples:
                  - {name: fine, status: 400, body: {error: invalid_grant}, expect: reauth}
                  - {name: odd, status: 400, body: {error: gone}, expect: reauth}
            """)
        #expect(check.mistakes == [] && check.added == ["mine"] && check.overlaid == [])
        #expect(
            check.failingExamples.map(\.description) == [
                "my.yaml:6: The example “odd” of mine is read as unknown (unmatched_4xx), not as reauth."
            ])
    }

    @Test func `what is accepted but hardly meant is remarked`() throws {
        let check = try check(
            """
            providers:
              mine:
                extends: oauth2
                policy: {unmatched_4xx: reauth, rotation: never, require_new_refresh_token: true}
                errors:
                  - {when: {status: 404}, class: reauth, reason: gone}
              tiktok: {policy: {refresh_before: 3h}, examples: []}
            """)
        #expect(check.mistakes == [] && check.added == ["mine"] && check.overlaid == ["tiktok"])
        let notes = check.notes.map(\.description)
        #expect(notes.count == 4, "\(notes)")
        #expect(notes.contains { $0.hasPrefix("my.yaml:6: The rule “gone” matches without naming anything") })
        #expect(notes.contains { $0.hasPrefix("my.yaml:4: “unmatched_4xx: reauth” is read as unknown") })
        #expect(notes.contains { $0.hasPrefix("my.yaml:2: “mine” has no examples of its own") })
        #expect(notes.contains { $0.hasPrefix("my.yaml:2: “mine” requires a new refresh token although") })
    }

    @Test func `the built-in entries need no remark`() throws {
        let files = try EmbeddedCatalogue.files.map { try CatalogueFile(name: $0.name, bytes: $0.bytes) }
        let check = try catalogue.get().check(files)
        #expect(check.mistakes == [] && check.failingExamples == [])
        // Variants of another entry, and the base under its other name, are tested by what they extend.
        let quiet = ["google-ads", "youtube", "facebook-ads", "whatsapp", "kommo", "oauth2", "salesforce-my-domain"]
        #expect(
            check.notes.filter { note in !quiet.contains { note.sentence.hasPrefix("“\($0)” has no examples") } } == [])
    }

    @Test(arguments: [
        ("acme:\n  extends: oauth2\n", "1: “acme” has no place here; entries stand under “providers:”."),
        ("provider:\n  acme: {}\n", "1: The file has no field “provider”; did you mean “providers”?"),
        (
            "providers:\n  acme:\n    extends: oauth2\n    endpoints: {token: {conn.token_url}}\n",
            "4: endpoints.token must be a text; a value that begins with { or [ is put in quotes."
        ),
        (
            "providers:\n  acme:\n    extends: oauth2\n    endpoints: {token: {conn.token_url}/x}\n",
            "4: This is not YAML: did not find expected ',' or '}'; put values that hold { } [ ] or , in quotes."
        ),
        (
            "providers:\n\tacme: {extends: oauth2}\n",
            "2: This is not YAML: found character that cannot start any token; indent with spaces, not tabs."
        ),
        (
            "providers:\n  acme:\n    extends: oauth2\n    note: told: at length\n",
            "4: This is not YAML: mapping values are not allowed in this context; put a value that holds “: ” in quotes, and indent fields of one mapping alike."
        ),
        (
            "providers:\n  acme:\n    extends: oath2\n",
            "3: “acme” extends “oath2”, which does not exist; did you mean “oauth2”?"
        ),
        (
            "providers:\n  acme:\n    extends: oauth2\n    policy: {rotation: Always}\n",
            "4: policy.rotation “Always” is not known; did you mean “always”?"
        ),
        (
            "providers:\n  acme:\n    extends: oauth2\n    refresh: {method: post, encoding: form, client_auth: params}\n",
            "4: refresh.method “post” is not known; did you mean “POST”?"
        ),
        (
            "providers:\n  acme:\n    extends: oauth2\n    connection_params: {host: {source: user}}\n    endpoints: {token: \"https://{conn.host}/t\"}\n",
            "5: endpoints.token: {conn.host} would choose the host that receives secrets; it may fill one label under a fixed zone, come from the operator (source: operator), or pick from “values”."
        ),
        (
            "providers:\n  acme:\n    extends: oauth2\n    errors:\n    - when: {body: {error: gone}}\n      class: reauth\n",
            "5: A rule needs when, class and reason."
        ),
        (
            "providers:\n  acme:\n    name: Acme\n",
            "2: The entry “acme” lacks “credential”; say “extends: oauth2” to inherit it."
        ),
    ])
    func `a usual mistake is explained`(text: String, told: String) throws {
        #expect(try check(text).mistakes.map(\.description) == ["my.yaml:" + told])
    }

    @Test func `the page's example is fine as it stands`() throws {
        let path = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "../../docs/add-a-provider.md").standardizedFileURL.path
        let page = String(decoding: try #require(FileManager.default.contents(atPath: path)), as: UTF8.self)
        let block = try #require(page.split(separator: "```yaml\n").dropFirst().first?.split(separator: "```").first)
        let check = try check(String(block))
        #expect(check.mistakes == [] && check.failingExamples == [] && check.notes == [])
        #expect(check.added == ["acme-crm"])
    }
}
