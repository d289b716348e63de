import Domain
import FoundationEssentials
import Runtime
import Scheduling
import Testing

@Suite("The settings file")
struct SettingsFileTests {
    @Test func `keys are the names in lower case without our prefix`() throws {
        let settings = try load(
            """
            # comment
            database_url: postgresql://h/d
            concurrency: 8
            retry_delays: [1m, 5m]
            sweep:
              - 30m
              - 0 3 * * *
            youtube_client_id: id
            youtube_client_secret: secret
            app_hubspot_client_id: hub
            log_format: "json"
            templates: ~
            """)
        #expect(settings.databaseURL?.reveal() == "postgresql://h/d")
        #expect(settings.limits.concurrency == 8)
        #expect(settings.limits.retryDelays == [.seconds(60), .seconds(300)])
        #expect(settings.limits.sweep == [.every(.seconds(1800)), .cron(try Cron("0 3 * * *"), .gmt)])
        #expect(settings.apps.map(\.provider) == ["hubspot", "youtube"])
        #expect(settings.log.isJSON)
    }

    @Test func `an empty file sets nothing`() throws {
        #expect(try load("# nothing yet\n").limits.concurrency == 256)
    }

    @Test(arguments: [
        ("pol: 5s", "pol "), ("Poll: 5s", "Poll "), ("tokenward_poll: 5s", "tokenward_poll "), ("- poll", "mapping"),
        ("poll: {a: b}", "poll "), ("poll: [[1s]]", "poll "), ("poll: 1s\npoll: 2s", "twice"), ("a: [", "not YAML"),
        ("poll: x", "poll"), ("path: /bin", "path "),
    ])
    func `a bad file is one sentence that names the place`(text: String, part: String) throws {
        let problems = try #require(throws: SettingsError.self) { try load(text) }.problems
        #expect(problems.count == 1, "\(problems)")
        #expect(problems[0].lowercased().contains(part.lowercased()), "\(problems)")
        #expect(problems[0].contains("tokenward-"), "it names the file: \(problems)")
    }

    @Test func `a file that is not there is refused`() throws {
        let error = try #require(throws: SettingsError.self) {
            try Settings.load(environment: ["HOME": "/h"], file: "/nowhere/tokenward.yaml")
        }
        #expect(error.problems.count == 1)
    }

    private func load(_ text: String) throws -> Settings {
        let file = try TemporaryFile(text)
        return try Settings.load(environment: ["HOME": "/h"], file: file.path)
    }
}
