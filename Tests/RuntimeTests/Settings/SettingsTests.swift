import Domain
import FoundationEssentials
import Runtime
import Scheduling
import Testing

@Suite("Settings")
struct SettingsTests {
    private let home = ["HOME": "/home/someone"]

    @Test func `defaults are those of the table`() throws {
        let settings = try load([:])
        #expect(settings.databaseURL == nil)
        #expect(settings.listen.host == "127.0.0.1")
        #expect(settings.listen.port == 8080)
        #expect(settings.limits.concurrency == 256)
        #expect(settings.limits.concurrencyPerProvider == 64)
        #expect(settings.limits.httpTimeout == .seconds(10))
        #expect(settings.limits.retryDelays.count == 9)
        #expect(settings.limits.poll == .seconds(5))
        #expect(settings.limits.sweep.isEmpty)
        #expect(settings.relay.groupWait == .seconds(30))
        #expect(settings.relay.remindEvery == .seconds(86_400))
        #expect(settings.relay.deliveryRetryDelays.count == 13)
        #expect(settings.keeping.cleanup == .cron(try Cron("0 2 * * *"), .gmt))
        #expect(settings.keeping.auditDays == 400)
        #expect(settings.log.level == "info")
        #expect(!settings.log.isJSON)
        #expect(settings.apps.isEmpty && settings.destinations.isEmpty && settings.firstTokens.isEmpty)
    }

    @Test func `flags win over environment over file over default`() throws {
        let file = try TemporaryFile("poll: 1s\nlisten: 127.0.0.1:1\naudit_days: 31\n")
        let settings = try Settings.load(
            environment: home.merging(["TOKENWARD_LISTEN": "127.0.0.1:2", "TOKENWARD_POLL": "2s"]) { $1 },
            file: file.path, flags: ["TOKENWARD_LISTEN": "127.0.0.1:3"])
        #expect(settings.listen.port == 3)
        #expect(settings.limits.poll == .seconds(2))
        #expect(settings.keeping.auditDays == 31)
    }

    @Test func `an empty text counts as not set`() throws {
        let settings = try load(["TOKENWARD_POLL": "", "DATABASE_URL": "  ", "YOUTUBE_CLIENT_ID": ""])
        #expect(settings.limits.poll == .seconds(5))
        #expect(settings.databaseURL == nil)
    }

    @Test func `the data directory follows the user's environment`() throws {
        #expect(try load(["XDG_STATE_HOME": "/state"]).dataDirectory == "/state/tokenward")
        #expect(try load(["XDG_STATE_HOME": "/state", "TOKENWARD_DATA_DIR": "/data"]).dataDirectory == "/data")
        #expect(try load(["TOKENWARD_DATA_DIR": "here"]).dataDirectory.hasSuffix("/here"))
    }

    @Test(arguments: [
        ("127.0.0.1:0", "127.0.0.1", 0), ("[::1]:80", "::1", 80), ("localhost:9", "127.0.0.1", 9),
        ("0.0.0.0:65535", "0.0.0.0", 65_535),
    ])
    func `an address and a port are listened on`(text: String, host: String, port: Int) throws {
        let listen = try load(["TOKENWARD_LISTEN": text]).listen
        #expect(listen.host == host)
        #expect(listen.port == port)
    }

    @Test(arguments: [
        ("30m", ["every 1800.0 seconds"]), ("0,30 * * * *", ["0,30 * * * *"]),
        ("10m, 1h; 0 3 * * mon-fri", ["every 600.0 seconds", "every 3600.0 seconds", "0 3 * * mon-fri"]), ("OFF", []),
    ])
    func `a sweep has intervals and crons`(text: String, times: [String]) throws {
        let sweep = try load(["TOKENWARD_SWEEP": text, "TOKENWARD_TIME_ZONE": "Europe/Madrid"]).limits.sweep
        let found = sweep.map { recurrence in
            switch recurrence {
            case .every(let interval): "every \(interval.seconds) seconds"
            case .cron(let cron, let zone): zone.identifier == "Europe/Madrid" ? cron.description : "another zone"
            }
        }
        #expect(found == times)
    }

    @Test(arguments: [
        ("TOKENWARD_POLL", "5"), ("TOKENWARD_POLL", "0s"), ("TOKENWARD_POLL", "11m"), ("TOKENWARD_CONCURRENCY", "0"),
        ("TOKENWARD_CONCURRENCY", "many"), ("TOKENWARD_HTTP_TIMEOUT", "31s"), ("TOKENWARD_RETRY_DELAYS", "1m,x"),
        ("TOKENWARD_RETRY_DELAYS", ","), ("TOKENWARD_AUDIT_DAYS", "29"), ("TOKENWARD_LANGUAGE", "de"),
        ("TOKENWARD_LOG_LEVEL", "loud"), ("TOKENWARD_LOG_FORMAT", "xml"), ("TOKENWARD_CLEANUP", "daily"),
        ("TOKENWARD_CLEANUP", "0 25 * * *"), ("TOKENWARD_SWEEP", "sometimes"), ("TOKENWARD_SWEEP", "0s"),
        ("TOKENWARD_SWEEP", ";"), ("TOKENWARD_TIME_ZONE", "Mars/Base"),
        ("TOKENWARD_LISTEN", "8080"), ("TOKENWARD_LISTEN", "example.com:80"), ("TOKENWARD_LISTEN", "127.0.0.1:70000"),
        ("TOKENWARD_LISTEN", "::1:80"), ("TOKENWARD_PUBLIC_URL", "tokens.example.com"),
        ("TOKENWARD_PUBLIC_URL", "https://a/?b"), ("TOKENWARD_CATALOGUE", "/nowhere/at/all.yaml"),
        ("TOKENWARD_CA_FILE", "/nowhere/ca.pem"), ("TOKENWARD_TEMPLATES", "/nowhere"), ("DATABASE_URL", "mysql://x"),
        ("TOKENWARD_ALLOW_NETWORKS", "10.0.0.1/8"), ("TOKENWARD_ALLOW_NETWORKS", "10.0.0.0/33"),
        ("TOKENWARD_ALLOW_NETWORKS", "localhost"), ("TOKENWARD_ALLOW_NETWORKS", "::1/129"),
        ("TOKENWARD_ADMIN_TOKEN", "two words"), ("TOKENWARD_HEARTBEAT_MAX_AGE", "3s"),
        ("TOKENWARD_OIDC_CLIENT_ID", "alone"), ("TOKENWARD_OIDC_ISSUER", "https://alone"),
    ])
    func `a bad value is one sentence that names the setting`(name: String, value: String) throws {
        let problems = try problems([name: value])
        #expect(problems.count == 1, "\(problems)")
        let stem = name.hasPrefix("TOKENWARD_OIDC_") ? "TOKENWARD_OIDC_ISSUER" : name
        #expect(problems.first?.contains(stem) == true)
        #expect(problems.first?.hasSuffix(".") == true)
        #expect(problems.first?.contains(": ") == true, "it says how to mend it")
    }

    @Test func `all problems are told at once`() throws {
        let problems = try problems(["TOKENWARD_POLL": "x", "TOKENWARD_CONCURRENCY": "x", "TOKENWARD_POLLL": "5s"])
        #expect(problems.count == 3)
    }

    @Test(arguments: [
        ("TOKENWARD_POL", "TOKENWARD_POLL"), ("TOKENWARD_DATABASE_URL", "DATABASE_URL"),
        ("TOKENWARD_APP_X", "docs/configuration.md"), ("TOKENWARD_APP__CLIENT", "docs/configuration.md"),
        ("TOKENWARD_LISTEN_FILE", "TOKENWARD_LISTEN"),
    ])
    func `an unknown name of ours is refused and the nearest is named`(name: String, hint: String) throws {
        let problems = try problems([name: "5s"])
        #expect(problems.count == 1)
        #expect(problems[0].contains("\(name) in the environment is not a setting"))
        #expect(problems[0].contains(hint))
    }

    @Test(arguments: ["TOKENWARD_SERVICE_HOST", "TOKENWARD_PORT", "TOKENWARD_PORT_8080_TCP_ADDR"])
    func `a service link of Kubernetes is named as one`(name: String) throws {
        let problems = try problems([name: "10.0.0.1"])
        #expect(problems.count == 1)
        #expect(problems[0].contains("enableServiceLinks: false"))
    }

    @Test func `other programs' names are left alone`() throws {
        _ = try load(["PATH": "/bin", "LISTEN": "x", "POLL": "y", "AWS_SECRET": "z"])
    }

    @Test func `a pod without a database is refused`() throws {
        let problems = try problems(["KUBERNETES_SERVICE_HOST": "10.0.0.1"])
        #expect(problems.count == 1)
        #expect(problems[0].hasPrefix("DATABASE_URL is not set"))
        _ = try load(["KUBERNETES_SERVICE_HOST": "10.0.0.1", "DATABASE_URL": "postgresql://h/d"])
        _ = try Settings.load(
            environment: home.merging(["KUBERNETES_SERVICE_HOST": "10.0.0.1"]) { $1 }, needsDatabase: false)
    }

    @Test func `networks are addresses or ranges of both families`() throws {
        let text = "127.0.0.0/8, ::1,10.1.2.3,fd00::/8,::ffff:10.0.0.1/128"
        #expect(try load(["TOKENWARD_ALLOW_NETWORKS": text]).allowNetworks.count == 5)
    }

    @Test func `single sign-on is accepted`() throws {
        let settings = try load([
            "TOKENWARD_OIDC_ISSUER": "https://id.example.com", "TOKENWARD_OIDC_CLIENT_ID": "tokenward",
            "TOKENWARD_OIDC_ALLOW": "a@example.com, ops",
        ])
        #expect(settings.singleSignOn?.allow == ["a@example.com", "ops"])
    }

    private func load(_ environment: [String: String]) throws -> Settings {
        try Settings.load(environment: home.merging(environment) { $1 })
    }

    private func problems(_ environment: [String: String]) throws -> [String] {
        try #require(throws: SettingsError.self) { try load(environment) }.problems
    }
}
