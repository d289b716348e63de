import ArgumentParser
import Domain
import FoundationEssentials
import Runtime
import Sandbox

struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the service with an embedded database, sandbox providers and sinks that show their messages.",
        discussion: "Example: tokenward demo")

    @Option(help: "Address and port to listen on.")
    var listen = "127.0.0.1:8080"

    @Option(help: "End after so many seconds; 0 runs until Ctrl-C.")
    var seconds = 0

    func run() async throws {
        let signals = await StopSignals()
        let provider = SandboxProvider()
        let show: @Sendable (String) -> Void = { Terminal.line(Terminal.paint($0, .bold)) }
        let slack = SlackSink(printer: show)
        let mail = MailSink(printer: show)
        let secret = Secret("whsec_" + Data((0..<32).map { _ in UInt8.random(in: 0...255) }).base64EncodedString())
        let webhook = WebhookSink(secret: secret, printer: show)
        // Providers that register the address and are not told it with each consent.
        for platform in [SandboxPlatform.amocrm, .kommo, .tiktokShop] {
            var app = provider.app(of: platform)
            app.redirectURI = "http://\(listen)/oauth/callback/\(platform.rawValue)"
            provider.setApp(app, of: platform)
        }
        try await provider.start()
        try await slack.start()
        try await mail.start()
        try await webhook.start()
        let sinks = DemoSinks(
            slackURL: Secret("\(slack.webhookURL)"), mailURL: mail.url, webhookURL: Secret("\(webhook.url)"),
            webhookSecret: secret,
            apps: Dictionary(
                uniqueKeysWithValues: SandboxPlatform.allCases.map { platform in
                    let app = provider.app(of: platform)
                    return (platform.rawValue, (app.clientID, app.clientSecrets.first ?? Secret(""), app.redirectURI))
                }))
        let world = DemoWorld()
        let stopAfter = seconds
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await provider.run() }
            group.addTask { try await slack.run() }
            group.addTask { try await mail.run() }
            group.addTask { try await webhook.run() }
            group.addTask {
                for await exchange in provider.exchanges() where exchange.outcome == "renewed" {
                    let account = exchange.account ?? ""
                    Terminal.line(Terminal.paint("✅ renewed \(exchange.provider.rawValue) \(account)", .green))
                }
            }
            let installation = try DemoInstallation(
                sinks: sinks, catalogueOverlay: provider.catalogueOverlay(), listen: listen)
            Self.introduce(installation)
            try await installation.run(
                signals: signals, stopAfter: stopAfter > 0 ? .seconds(stopAfter) : nil,
                channels: { world.channels(on: provider).map(Self.newChannel) },
                meanwhile: {
                    try? await world.run(on: provider) { Terminal.line(Terminal.paint("· \($0.sentence)", .dim)) }
                },
                told: { Terminal.line($0) })
            provider.stop()
            slack.stop()
            mail.stop()
            webhook.stop()
            group.cancelAll()
        }
    }

    private static func introduce(_ installation: DemoInstallation) {
        Terminal.line(Terminal.paint("Tokenward \(Version.text) demo", .bold))
        Terminal.line("Data directory \(installation.dataDirectory), emptied first. Ctrl-C ends everything.")
    }

    private static func newChannel(_ channel: DemoChannel) -> [String: String] {
        var columns: [String: String] = [
            "id": channel.id.rawValue, "tenant_id": channel.tenantID, "provider": channel.provider,
            "display_name": channel.displayName, "access_token": channel.access.reveal(),
            "access_issued_at": "\(channel.accessIssuedAt.timeIntervalSince1970)",
        ]
        columns["user_id"] = channel.userID
        columns["external_id"] = channel.externalID
        columns["refresh_token"] = channel.refresh?.reveal()
        columns["access_expires_at"] = "\(channel.accessExpiresAt.timeIntervalSince1970)"
        columns["refresh_expires_at"] = channel.refreshExpiresAt.map { "\($0.timeIntervalSince1970)" }
        columns["scopes"] = channel.scopes.joined(separator: " ")
        if !channel.params.isEmpty {
            columns["params"] =
                "{"
                + channel.params.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\"\($0.value)\"" }.joined(
                    separator: ",") + "}"
        }
        return columns
    }
}
