import Domain
import FoundationEssentials
import Glibc

extension Settings {
    /// Lays flags over environment over the settings file over the defaults, and checks everything.
    ///
    /// - Parameters:
    ///   - file: path of a YAML file; nil for none.
    ///   - flags: by the environment's names.
    ///   - needsDatabase: false for commands that never open one, which may run anywhere.
    /// - Throws: every unknown name, bad value and missing companion, a sentence each.
    package static func load(
        environment: [String: String], file: String? = nil, flags: [String: String] = [:], needsDatabase: Bool = true
    ) throws(SettingsError) -> Settings {
        var reader = SettingsReader(
            source: SettingsSource(environment: environment, file: file, flags: flags))
        let settings = Settings(reader: &reader, environment: environment)
        if needsDatabase, settings.databaseURL == nil, environment["KUBERNETES_SERVICE_HOST"]?.isEmpty == false {
            reader.refuse(
                "DATABASE_URL is not set and this is a Kubernetes pod: set it, an embedded database would not outlive the pod."
            )
        }
        guard reader.problems.isEmpty else { throw SettingsError(problems: reader.problems) }
        return settings
    }

    init(reader: inout SettingsReader, environment: [String: String]) {
        databaseURL = reader.databaseURL()
        dataDirectory = reader.dataDirectory(environment: environment)
        listen = reader.listen("TOKENWARD_LISTEN")
        publicURL = reader.publicURL()
        keys = reader.secret("TOKENWARD_KEYS")
        adminToken = reader.adminToken()
        cataloguePath = reader.path("TOKENWARD_CATALOGUE")
        caFile = reader.path("TOKENWARD_CA_FILE")
        let networks = reader.networks("TOKENWARD_ALLOW_NETWORKS")
        allowNetworks = reader.text("TOKENWARD_ALLOW_NETWORKS").map(reader.list) ?? []
        apps = reader.apps()
        firstTokens = reader.firstTokens()
        destinations = reader.destinations(allowed: networks)
        let zone = reader.timeZone("TOKENWARD_TIME_ZONE")
        limits = Limits(
            concurrency: reader.integer("TOKENWARD_CONCURRENCY"),
            concurrencyPerProvider: reader.integer("TOKENWARD_CONCURRENCY_PER_PROVIDER"),
            jobs: reader.integer("TOKENWARD_JOBS_CONCURRENCY"),
            requestRate: reader.integer("TOKENWARD_REQUEST_RATE"),
            httpTimeout: reader.duration("TOKENWARD_HTTP_TIMEOUT"),
            retryDelays: reader.durations("TOKENWARD_RETRY_DELAYS"),
            poll: reader.duration("TOKENWARD_POLL"),
            sweep: reader.sweep("TOKENWARD_SWEEP", in: zone),
            heartbeatMaxAge: reader.duration("TOKENWARD_HEARTBEAT_MAX_AGE"),
            shutdownTimeout: reader.duration("TOKENWARD_SHUTDOWN_TIMEOUT"))
        relay = Relay(
            groupWait: reader.duration("TOKENWARD_GROUP_WAIT"),
            remindEvery: reader.duration("TOKENWARD_REMIND_EVERY"),
            deliveryRetryDelays: reader.durations("TOKENWARD_DELIVERY_RETRY_DELAYS"),
            language: reader.choice("TOKENWARD_LANGUAGE"),
            templateDirectory: reader.path("TOKENWARD_TEMPLATES"))
        keeping = Keeping(
            cleanup: reader.cron("TOKENWARD_CLEANUP", in: zone),
            jobsKeepCompleted: reader.integer("TOKENWARD_JOBS_KEEP_COMPLETED"),
            jobsKeepFailed: reader.integer("TOKENWARD_JOBS_KEEP_FAILED"),
            auditDays: reader.integer("TOKENWARD_AUDIT_DAYS"))
        log = Log(
            level: reader.choice("TOKENWARD_LOG_LEVEL"), isJSON: reader.choice("TOKENWARD_LOG_FORMAT") == "json")
        singleSignOn = reader.singleSignOn()
        if limits.heartbeatMaxAge <= limits.poll {
            reader.refuse(
                "TOKENWARD_HEARTBEAT_MAX_AGE is not above TOKENWARD_POLL, so an idle loop would count as dead: raise it."
            )
        }
    }
}

extension SettingsReader {
    mutating func databaseURL() -> Secret? {
        guard let text = text("DATABASE_URL") else { return nil }
        guard text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") else {
            refuse("DATABASE_URL", "is not a PostgreSQL URI: write postgresql://user:password@host:5432/database.")
            return nil
        }
        return Secret(text)
    }

    mutating func dataDirectory(environment: [String: String]) -> String {
        if let path = path("TOKENWARD_DATA_DIR", mustExist: false) { return path }
        if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") { return state + "/tokenward" }
        if geteuid() == 0 { return "/var/lib/tokenward" }
        if let home = environment["HOME"], home.hasPrefix("/") { return home + "/.local/state/tokenward" }
        refuse("TOKENWARD_DATA_DIR is not set and neither is HOME: set it to a directory of this user.")
        return ""
    }

    mutating func publicURL() -> String? {
        guard var text = text("TOKENWARD_PUBLIC_URL") else { return nil }
        while text.hasSuffix("/") { text.removeLast() }
        let parts = URLComponents(string: text)
        guard let parts, ["http", "https"].contains(parts.scheme), parts.host?.isEmpty == false, parts.query == nil,
            parts.fragment == nil, parts.user == nil
        else {
            refuse(
                "TOKENWARD_PUBLIC_URL", "is \(quoted(text)): write a base such as https://tokens.example.com.")
            return nil
        }
        return text
    }

    mutating func adminToken() -> Secret? {
        guard let text = text("TOKENWARD_ADMIN_TOKEN") else { return nil }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            refuse("TOKENWARD_ADMIN_TOKEN", "holds spaces or characters no header can carry: write printable ASCII.")
            return nil
        }
        return Secret(text)
    }

    mutating func singleSignOn() -> Settings.SingleSignOn? {
        let issuer = text("TOKENWARD_OIDC_ISSUER")
        let client = text("TOKENWARD_OIDC_CLIENT_ID")
        let clientSecret = secret("TOKENWARD_OIDC_CLIENT_SECRET")
        let allow = text("TOKENWARD_OIDC_ALLOW").map(list) ?? []
        guard let issuer else {
            if client != nil || clientSecret != nil || !allow.isEmpty {
                refuse(
                    "TOKENWARD_OIDC_ISSUER is not set but other TOKENWARD_OIDC_… settings are: set it or remove them.")
            }
            return nil
        }
        guard URLComponents(string: issuer)?.scheme == "https", let client else {
            refuse("TOKENWARD_OIDC_ISSUER", "needs an https URL and TOKENWARD_OIDC_CLIENT_ID beside it: set both.")
            return nil
        }
        return Settings.SingleSignOn(issuer: issuer, clientID: client, clientSecret: clientSecret, allow: allow)
    }
}
