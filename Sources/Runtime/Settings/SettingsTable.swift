/// Every setting there is, in the order of docs/configuration.md.
///
/// Parsing, the settings file, the refusal of unknown names and the page's tables all follow this one table.
package enum SettingsTable {
    /// Names that begin so belong to this program, so an unknown one is a mistake.
    package static let prefix = "TOKENWARD_"

    /// A heading of the page and its rows.
    package struct Section: Sendable {
        package let title: String
        package let rows: [SettingRow]
    }

    package static let sections: [Section] = [
        Section(title: "Where it runs", rows: place),
        Section(title: "Provider apps", rows: ProviderAppNames.rows),
        Section(title: "First tokens", rows: firstTokens),
        Section(title: "Destinations", rows: destinations),
        Section(title: "Limits", rows: limits),
        Section(title: "Relay", rows: relay),
        Section(title: "Keeping", rows: keeping),
        Section(title: "Log", rows: log),
        Section(title: "Single sign-on", rows: signOn),
    ]

    package static let rows: [SettingRow] = sections.flatMap(\.rows)

    private static let byName = Dictionary(uniqueKeysWithValues: rows.map { ($0.name, $0) })

    /// The row of an environment name, also of the `TOKENWARD_APP_<PROVIDER>_…` pattern; nil when unknown.
    package static func row(named name: String) -> SettingRow? {
        byName[name] ?? ProviderAppNames.patternRow(named: name)
    }

    /// The known name nearest to a mistyped one, if one is near enough to be meant.
    package static func nearest(to name: String) -> String? {
        let name = name.hasPrefix("file:") ? String(name.dropFirst(5)) : name
        if row(named: name) != nil { return name }
        if row(named: String(name.dropFirst(prefix.count))) != nil, name.hasPrefix(prefix) {
            return String(name.dropFirst(prefix.count))
        }
        let nearest = rows.map { ($0.name, editDistance($0.name, name)) }.min { $0.1 < $1.1 }
        return nearest.flatMap { $0.1 <= 3 ? $0.0 : nil }
    }

    private static let place: [SettingRow] = [
        SettingRow(
            "DATABASE_URL", .secretURL,
            """
            PostgreSQL, as a libpq URI. Unset: an embedded cluster in the data directory; inside Kubernetes unset is \
            refused
            """),
        SettingRow(
            "TOKENWARD_DATA_DIR", .path,
            """
            Embedded cluster, journal, generated keys and admin token. Default `$XDG_STATE_HOME/tokenward`, else \
            `~/.local/state/tokenward`; as root `/var/lib/tokenward`
            """),
        SettingRow(
            "TOKENWARD_LISTEN", .listen, "127.0.0.1:8080",
            "Address and port of the HTTP server; port 0 picks a free one and the start line names it"),
        SettingRow("TOKENWARD_PUBLIC_URL", .url, "Base of the links in messages, such as `https://tokens.example.com`"),
        SettingRow(
            "TOKENWARD_KEYS", .secret,
            "Key ring, `kid:base64(32 bytes)` by commas or lines; the first one seals. Unset: made in the data directory"
        ),
        SettingRow(
            "TOKENWARD_ADMIN_TOKEN", .secret,
            "The first superadmin's bearer token. Required with `DATABASE_URL` unless the database holds one"),
        SettingRow("TOKENWARD_CATALOGUE", .path, "File or directory of provider YAML laid over the built-in catalogue"),
        SettingRow("TOKENWARD_CA_FILE", .path, "Extra CA bundle (PEM) for all outgoing TLS"),
        SettingRow(
            "TOKENWARD_ALLOW_NETWORKS", .networks,
            """
            Networks that outgoing calls may reach although private. Plain `http://` and `tls=none` only to a loopback \
            address inside them
            """),
    ]

    private static let firstTokens: [SettingRow] = [
        SettingRow("FACEBOOK_ADS_TOKEN", .secret, "Imported once as channel `facebook-ads`"),
        SettingRow("AMOCRM_ACCESS_TOKEN", .secret, "Imported once as channel `amocrm`"),
        SettingRow("AMOCRM_REFRESH_TOKEN", .secret, "Refresh token of channel `amocrm`"),
        SettingRow("AMOCRM_SUBDOMAIN", .label, "Account of channel `amocrm`: the part before `.amocrm.ru`"),
    ]

    private static let destinations: [SettingRow] = [
        SettingRow("SLACK_WEBHOOK_URL", .secretURL, "Slack incoming webhook"),
        SettingRow("SLACK_BOT_TOKEN", .secret, "Slack bot token, with `SLACK_CHANNEL`"),
        SettingRow("SLACK_CHANNEL", .text, "Channel the bot posts to, by id or `#name`"),
        SettingRow(
            "SLACK_API_URL", .url,
            "Base of Slack's Web API when it is not `https://slack.com`: a sandbox, a test or GovSlack"),
        SettingRow(
            "SLACK_SIGNING_SECRET", .secret,
            "Signing secret of the bot's app: proves what its buttons send; without it messages have none"),
        SettingRow(
            "SMTP_URL", .secretURL,
            "Mail server: `smtp://user:pass@host:587` (STARTTLS required), `smtps://…`, or `…?tls=none`"),
        SettingRow("SMTP_FROM", .address, "Sender of mails, `ops@example.com` or `Name <ops@example.com>`"),
        SettingRow("SUPERADMIN_EMAILS", .addresses, "Recipients of mails"),
        SettingRow("WEBHOOK_URL", .secretURL, "Receiver of signed webhooks"),
        SettingRow("WEBHOOK_SECRET", .secret, "`whsec_` and base64 of 24 to 64 bytes; signs the webhooks"),
    ]

    private static let limits: [SettingRow] = [
        SettingRow("TOKENWARD_CONCURRENCY", .integer(1...10_000), "256", "Refreshes in flight in this replica"),
        SettingRow(
            "TOKENWARD_CONCURRENCY_PER_PROVIDER", .integer(1...10_000), "64", "The same for one provider"),
        SettingRow(
            "TOKENWARD_JOBS_CONCURRENCY", .integer(1...100), "3", "Jobs that this replica works on at a time"),
        SettingRow(
            "TOKENWARD_REQUEST_RATE", .integer(0...1_000_000), "1000",
            "Requests a second that one API token may make to one replica; 0: any number. Superadmins are not counted"),
        SettingRow(
            "TOKENWARD_HTTP_TIMEOUT", .duration(.seconds(1) ... .seconds(30)), "10s",
            "Limit of a call to a provider that does not rotate; rotating ones have 30s"),
        SettingRow(
            "TOKENWARD_RETRY_DELAYS", .durations(.milliseconds(1) ... .days(30)), "1m,2m,5m,10m,20m,30m,1h,2h,6h",
            "Delays after failures, each with full jitter"),
        SettingRow(
            "TOKENWARD_POLL", .duration(.milliseconds(50) ... .minutes(10)), "5s",
            "Longest sleep of the refresh loop; it wakes sooner when something is due"),
        SettingRow(
            "TOKENWARD_SWEEP", .sweep, "off", "Times at which everything due is looked at, such as `30m; 0 3 * * *`"),
        SettingRow(
            "TOKENWARD_HEARTBEAT_MAX_AGE", .duration(.seconds(1) ... .hours(1)), "60s",
            "Age of a loop's heartbeat from which `/healthz` answers 503"),
        SettingRow(
            "TOKENWARD_SHUTDOWN_TIMEOUT", .duration(.seconds(1) ... .minutes(10)), "40s",
            "Time for work in flight to be stored on SIGTERM"),
    ]

    private static let relay: [SettingRow] = [
        SettingRow(
            "TOKENWARD_GROUP_WAIT", .duration(.zero ... .hours(1)), "30s",
            "Wait for further incidents before the first message"),
        SettingRow(
            "TOKENWARD_REMIND_EVERY", .duration(.seconds(1) ... .days(90)), "24h", "Time between reminders"),
        SettingRow(
            "TOKENWARD_DELIVERY_RETRY_DELAYS", .durations(.milliseconds(1) ... .days(30)),
            "5s,30s,2m,10m,30m,1h,3h,6h,12h,12h,12h,12h,12h",
            "Delays after a failed delivery, each ± 20 %; then it is dead"),
        SettingRow("TOKENWARD_LANGUAGE", .choice(["en", "es", "ru", "vi"]), "en", "Language of messages and pages"),
        SettingRow(
            "TOKENWARD_TEMPLATES", .path, "Directory whose templates replace the built-in ones of the same name"),
    ]

    private static let keeping: [SettingRow] = [
        SettingRow(
            "TOKENWARD_CLEANUP", .cron, "0 2 * * *",
            "When secrets, history and jobs that are kept no longer are removed"),
        SettingRow("TOKENWARD_TIME_ZONE", .timeZone, "UTC", "Time zone of the crons and of times in messages"),
        SettingRow("TOKENWARD_JOBS_KEEP_COMPLETED", .integer(0...100_000), "10", "Completed jobs kept for each tenant"),
        SettingRow(
            "TOKENWARD_JOBS_KEEP_FAILED", .integer(0...100_000), "50",
            "Failed jobs kept for each tenant, and as many cancelled ones"),
        SettingRow(
            "TOKENWARD_AUDIT_DAYS", .integer(30...36_500), "400", "Days the audit and what was relayed are kept"),
    ]

    private static let log: [SettingRow] = [
        SettingRow(
            "TOKENWARD_LOG_LEVEL", .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]),
            "info",
            "Least severity that is logged"),
        SettingRow("TOKENWARD_LOG_FORMAT", .choice(["text", "json"]), "text", "Form of the log on standard error"),
    ]

    private static let signOn: [SettingRow] = [
        SettingRow("TOKENWARD_OIDC_ISSUER", .url, "OpenID Connect issuer for the dashboard's sign-in"),
        SettingRow("TOKENWARD_OIDC_CLIENT_ID", .text, "Client id at the issuer"),
        SettingRow("TOKENWARD_OIDC_CLIENT_SECRET", .secret, "Client secret at the issuer"),
        SettingRow("TOKENWARD_OIDC_ALLOW", .text, "Subjects, groups or e-mail addresses that may sign in, by commas"),
    ]

    private static func editDistance(_ left: String, _ right: String) -> Int {
        let right = Array(right.utf8)
        var row = Array(0...right.count)
        for (i, unit) in left.utf8.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in right.enumerated() {
                let substituted = diagonal + (unit == other ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[right.count]
    }
}
