import Domain
import Runtime
import Testing

@Suite("Secrets in settings")
struct SettingsSecretsTests {
    @Test func `a secret may stand in a file of its own`() throws {
        let file = try TemporaryFile("k1:abc\nk2:def\n")
        let settings = try load(["TOKENWARD_KEYS_FILE": file.path])
        #expect(settings.keys?.reveal() == "k1:abc\nk2:def")
    }

    @Test func `the environment's file hides the settings file's text`() throws {
        let secret = try TemporaryFile("from-file")
        let config = try TemporaryFile("admin_token: from-config\n")
        let settings = try Settings.load(
            environment: ["HOME": "/h", "TOKENWARD_ADMIN_TOKEN_FILE": secret.path], file: config.path)
        #expect(settings.adminToken?.reveal() == "from-file")
    }

    @Test func `both forms in one place are refused`() throws {
        let file = try TemporaryFile("x")
        let problems = try problems(["TOKENWARD_ADMIN_TOKEN": "y", "TOKENWARD_ADMIN_TOKEN_FILE": file.path])
        #expect(problems == ["TOKENWARD_ADMIN_TOKEN and TOKENWARD_ADMIN_TOKEN_FILE are both set: remove one of them."])
    }

    @Test func `a missing or empty file is refused`() throws {
        #expect(try problems(["TOKENWARD_KEYS_FILE": "/nowhere/keys"]).count == 1)
        let empty = try TemporaryFile("\n")
        #expect(try problems(["TOKENWARD_KEYS_FILE": empty.path]).count == 1)
    }

    @Test func `no sentence repeats a secret`() throws {
        let secret = "hunter2-hunter2"
        for row in SettingsTable.rows where row.isSecret {
            let problems = try problems([row.name: secret + " " + secret, "TOKENWARD_POLL": "x"])
            #expect(problems.allSatisfy { !$0.contains(secret) }, "\(row.name)")
        }
    }

    @Test func `printing the settings shows no secret`() throws {
        let settings = try load([
            "DATABASE_URL": "postgresql://u:hunter2@h/d", "TOKENWARD_ADMIN_TOKEN": "hunter2", "YOUTUBE_CLIENT_ID": "id",
            "YOUTUBE_CLIENT_SECRET": "hunter2", "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/hunter2",
        ])
        var text = ""
        dump(settings, to: &text)
        #expect(!text.contains("hunter2"))
        #expect(!"\(settings)".contains("hunter2"))
    }

    private func load(_ environment: [String: String]) throws -> Settings {
        try Settings.load(environment: environment.merging(["HOME": "/h"]) { $1 })
    }

    private func problems(_ environment: [String: String]) throws -> [String] {
        try #require(throws: SettingsError.self) { try load(environment) }.problems
    }
}
