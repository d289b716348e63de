import Domain
import FoundationEssentials
import Postgres
import Sandbox
import TestSupport

/// One installation of a test: sandbox providers, sinks for messages, a schema, a data directory, settings.
struct World: Sendable {
    let provider: SandboxProvider
    let slack: SlackSink
    let mail: MailSink
    let webhook: WebhookSink
    let database: TestDatabase
    /// Fresh and private; gone after the test.
    let directory: String
    /// The environment of ``run(_:input:)`` and ``serve(settings:_:)``.
    var settings: [String: String]

    static let adminToken = "admin-token-of-the-tests-0123456789"
    /// The ring of all worlds: key `k1`, 32 fixed bytes.
    static let keys = "k1:" + Data((1...32).map { UInt8($0) }).base64EncodedString()
    static let webhookSecret = Secret("whsec_" + Data((0..<32).map { UInt8($0) }).base64EncodedString())

    /// Two processors serve few programs at a time well.
    private static let gate = TestGate(width: 3)

    /// Runs `body` in a world of its own and takes the world down.
    ///
    /// - Parameters:
    ///   - settings: laid over the usual ones; an empty text takes one away.
    ///   - mail: a sink with a login, for example.
    ///   - hurried: the catalogue's ages and intervals of days shortened to seconds.
    static func with<Value: Sendable>(
        _ settings: [String: String] = [:], provider: SandboxProvider = SandboxProvider(), mail: MailSink = MailSink(),
        hurried: Bool = true, _ body: @Sendable (World) async throws -> Value
    ) async throws -> Value {
        try await gate.pass {
            try await TestDatabase.withSchema { database in
                let directory = "/tmp/tokenward-e2e-\(UUID().uuidString.prefix(8).lowercased())"
                try FileManager.default.createDirectory(
                    atPath: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
                let outcome: Result<Value, any Error>
                do {
                    outcome = .success(
                        try await populated(
                            settings, provider: provider, mail: mail, hurried: hurried, database, directory, body))
                } catch {
                    outcome = .failure(error)
                }
                try? FileManager.default.removeItem(atPath: directory)
                return try outcome.get()
            }
        }
    }

    private static func populated<Value: Sendable>(
        _ settings: [String: String], provider: SandboxProvider, mail: MailSink, hurried: Bool,
        _ database: TestDatabase, _ directory: String, _ body: @Sendable (World) async throws -> Value
    ) async throws -> Value {
        let slack = SlackSink()
        let webhook = WebhookSink(secret: webhookSecret)
        try await provider.start()
        try await slack.start()
        try await mail.start()
        try await webhook.start()
        let catalogue = directory + "/catalogue.yaml"
        try Data(provider.catalogueOverlay(hurried: hurried).utf8).write(to: URL(filePath: catalogue))
        var world = World(
            provider: provider, slack: slack, mail: mail, webhook: webhook, database: database, directory: directory,
            settings: usual(catalogue: catalogue, directory: directory, database: database))
        world.settings.merge(
            [
                "SLACK_WEBHOOK_URL": slack.webhookURL, "SMTP_URL": mail.url.reveal(),
                "SMTP_FROM": "tokenward@test.example", "SUPERADMIN_EMAILS": "superadmin@test.example",
                "WEBHOOK_URL": webhook.url, "WEBHOOK_SECRET": webhookSecret.reveal(),
            ]) { _, new in new }
        for platform in SandboxPlatform.allCases { world.settings.merge(app(platform, provider)) { _, new in new } }
        world.settings.merge(settings) { _, new in new }
        world.settings = world.settings.filter { !$0.value.isEmpty }
        let complete = world
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await provider.run() }
            group.addTask { try await slack.run() }
            group.addTask { try await mail.run() }
            group.addTask { try await webhook.run() }
            let outcome: Result<Value, any Error>
            do { outcome = .success(try await body(complete)) } catch { outcome = .failure(error) }
            provider.stop()
            slack.stop()
            mail.stop()
            webhook.stop()
            group.cancelAll()
            return try outcome.get()
        }
    }

    private static func usual(catalogue: String, directory: String, database: TestDatabase) -> [String: String] {
        [
            "DATABASE_URL": url(of: database), "TOKENWARD_DATA_DIR": directory + "/data",
            "TOKENWARD_LISTEN": "127.0.0.1:0", "TOKENWARD_CATALOGUE": catalogue, "TOKENWARD_KEYS": keys,
            "TOKENWARD_ADMIN_TOKEN": adminToken, "TOKENWARD_ALLOW_NETWORKS": "127.0.0.0/8",
            "TOKENWARD_GROUP_WAIT": "200ms", "TOKENWARD_POLL": "200ms", "TOKENWARD_RETRY_DELAYS": "500ms,1s,2s",
            "TOKENWARD_DELIVERY_RETRY_DELAYS": "200ms,500ms,1s", "TOKENWARD_SHUTDOWN_TIMEOUT": "8s",
        ]
    }

    /// The URI whose every session sees the world's schema only.
    static func url(of database: TestDatabase) -> String {
        let uri = database.configuration.uri
        return uri + (uri.contains("?") ? "&" : "?") + "options=-csearch_path%3D\(database.schema)"
    }

    private static func app(_ platform: SandboxPlatform, _ provider: SandboxProvider) -> [String: String] {
        let name = "TOKENWARD_APP_" + platform.rawValue.uppercased().replacing("-", with: "_")
        let app = provider.app(of: platform)
        var settings = [name + "_CLIENT_ID": app.clientID]
        settings[name + "_CLIENT_SECRET"] = app.clientSecrets.map { $0.reveal() }.joined(separator: ",")
        if platform == .amocrm || platform == .kommo {
            settings[name + "_REDIRECT_URI"] = "https://test.example/oauth/callback/\(platform.rawValue)"
        }
        return settings
    }

    /// The settings with others over them; an empty text takes one away.
    func settings(with more: [String: String]) -> [String: String] {
        settings.merging(more) { _, new in new }.filter { !$0.value.isEmpty }
    }

    /// Runs one command of the program in this world.
    func run(
        _ arguments: String..., settings more: [String: String] = [:], input: String = "",
        within limit: Duration = .seconds(20)
    ) async throws -> Ending {
        try await Program.run(arguments, settings: settings(with: more), input: input, within: limit)
    }

    /// Runs `body` while the service runs and answers; it is killed and reaped afterwards.
    func serve<Value: Sendable>(
        _ arguments: String..., settings more: [String: String] = [:],
        _ body: (RunningProgram, Client) async throws -> Value
    ) async throws -> Value {
        try await Program.start(["serve"] + arguments, settings: settings(with: more)) { program in
            let address = try await program.address()
            return try await body(program, Client(address: address, token: World.adminToken))
        }
    }
}
