import API
package import Domain
import FoundationEssentials
import Logging
import POSIX

/// Where the demo's messages go, and the sandbox's client registrations by provider.
package struct DemoSinks: Sendable {
    package var slackURL: Secret
    package var mailURL: Secret
    package var webhookURL: Secret
    package var webhookSecret: Secret
    package var apps: [String: (clientID: String, secret: Secret, redirectURI: String?)]

    package init(
        slackURL: Secret, mailURL: Secret, webhookURL: Secret, webhookSecret: Secret,
        apps: [String: (clientID: String, secret: Secret, redirectURI: String?)]
    ) {
        self.slackURL = slackURL
        self.mailURL = mailURL
        self.webhookURL = webhookURL
        self.webhookSecret = webhookSecret
        self.apps = apps
    }
}

/// The service as `demo` runs it: a data directory of its own, emptied first, and short times.
package struct DemoInstallation: Sendable {
    package let dataDirectory: String
    private let settings: Settings

    /// - Throws: ``SettingsError``, ``StartError``.
    package init(sinks: DemoSinks, catalogueOverlay: String, listen: String) throws {
        let environment = ProcessInfo.processInfo.environment
        let state = environment["XDG_STATE_HOME"] ?? environment["HOME"].map { $0 + "/.local/state" } ?? "/tmp"
        dataDirectory = (CurrentProcess.isRoot ? "/var/lib" : state) + "/tokenward-demo"
        try Self.prepare(dataDirectory, catalogueOverlay: catalogueOverlay)
        var values = [
            "TOKENWARD_DATA_DIR": dataDirectory, "TOKENWARD_LISTEN": listen,
            "TOKENWARD_CATALOGUE": dataDirectory + "/catalogue.yaml", "TOKENWARD_ALLOW_NETWORKS": "127.0.0.0/8",
            "TOKENWARD_GROUP_WAIT": "2s", "TOKENWARD_POLL": "1s", "TOKENWARD_RETRY_DELAYS": "2s,5s,10s,20s",
            "TOKENWARD_LOG_LEVEL": environment["TOKENWARD_LOG_LEVEL"] ?? "warning",
            "SLACK_WEBHOOK_URL": sinks.slackURL.reveal(), "SMTP_URL": sinks.mailURL.reveal(),
            "SMTP_FROM": "tokenward@demo.example", "SUPERADMIN_EMAILS": "superadmin@demo.example",
            "WEBHOOK_URL": sinks.webhookURL.reveal(), "WEBHOOK_SECRET": sinks.webhookSecret.reveal(),
        ]
        for (provider, app) in sinks.apps {
            let name = provider.uppercased().replacing("-", with: "_")
            values["TOKENWARD_APP_\(name)_CLIENT_ID"] = app.clientID
            values["TOKENWARD_APP_\(name)_CLIENT_SECRET"] = app.secret.reveal()
            values["TOKENWARD_APP_\(name)_REDIRECT_URI"] = app.redirectURI
        }
        settings = try Settings.load(environment: values, file: nil, flags: [:])
    }

    /// Runs until the time is over or a signal ends it.
    ///
    /// - Parameters:
    ///   - channels: columns of the channels to import, asked for right before they are.
    ///   - meanwhile: the story that happens to them.
    ///   - told: lines for the person who watches.
    package func run(
        signals: StopSignals, stopAfter: Duration?, channels: @escaping @Sendable () throws -> [[String: String]],
        meanwhile: @escaping @Sendable () async -> Void, told: @escaping @Sendable (String) -> Void
    ) async throws {
        let logger = LogOutput.logger(settings.log)
        let directory = dataDirectory
        try await Installation.withOpen(settings, for: .serve(migrates: true), logger: logger) { installation in
            let rows = try channels().enumerated().map {
                ("channel \($0.offset + 1)", try ChannelFields(columns: $0.element))
            }
            let count = try await installation.importChannels(
                rows.map { (place: $0.0, fields: $0.1) }, replacing: false, dryRun: false, actor: "demo")
            told("\(count) channels of several tenants imported.")
            let server = Server(
                installation: installation, signals: signals, logger: logger, stopAfter: stopAfter)
            try await during(meanwhile) {
                try await server.run { address in
                    told("tokenward listens on http://\(address)")
                    told("  A message's link leads through the sandbox's consent page back to green: open one.")
                    told("  status   http://\(address)/status")
                    told("  metrics  http://\(address)/metrics")
                    told(
                        "  API      curl -H \"Authorization: Bearer $(cat \(directory)/admin-token)\" http://\(address)/v1/channels"
                    )
                }
            }
        }
        told("The demo has ended.")
    }

    /// Empties the directory of an earlier demo; any other directory is left alone.
    private static func prepare(_ directory: String, catalogueOverlay: String) throws {
        let marker = directory + "/demo"
        if Directory.exists(directory), !FileManager.default.fileExists(atPath: marker) {
            throw StartError(.failed, "\(directory) exists and is not a demo's: move it away first.")
        }
        do {
            if Directory.exists(directory) { try FileManager.default.removeItem(atPath: directory) }
            try Directory.create(directory, permissions: 0o700)
            try SecretFile.create(marker, "This directory is emptied by every `tokenward demo`.\n")
            try SecretFile.create(directory + "/catalogue.yaml", catalogueOverlay)
        } catch {
            throw StartError(.failed, "The demo's directory \(directory) cannot be made: \(error)")
        }
    }
}
