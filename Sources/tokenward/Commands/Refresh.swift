import API
import ArgumentParser
import Domain
import FoundationEssentials
import Runtime

struct Refresh: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Refreshes channels now and says how each ended.",
        discussion: "Example: tokenward refresh --tenant acme --dry-run")

    @OptionGroup var common: CommonOptions

    @Option(help: "One channel, by id.") var channel: String?
    @Option(name: [.customLong("tenant"), .customLong("team-id")], help: "All channels of a tenant.") var tenant:
        String?
    @Option(help: "All channels of a user.") var user: String?
    @Option(help: "All channels of a provider.") var provider: String?
    @Flag(help: "Ignore the window; never the provider's limits or a pause.") var force = false
    @Flag(help: "Try dead grants once more.") var retryDead = false
    @Flag(help: "Call nobody; say what would be done.") var dryRun = false
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let filter = ChannelFilter(tenantID: tenant, userID: user, provider: provider)
        let options = RefreshOptions(force: force, retryDead: retryDead, dryRun: dryRun, actor: "command line")
        let channel = channel.map { ChannelID(rawValue: $0) }
        let isPlain = !json
        let reports = try await common.withInstallation { installation in
            let found = try await installation.channelIDs(filter, only: channel)
            if let channel, found.isEmpty {
                throw CommandFailure(
                    sentence: "There is no channel `\(channel)`; `tokenward channels list` names those there are.")
            }
            let tenants = Dictionary(found.map { ($0.id, $0.tenantID) }) { first, _ in first }
            if isPlain {
                Terminal.line("🔄 \(options.dryRun ? "Looking at" : "Refreshing") tokens …")
                Terminal.line("📊 \(found.count) channel\(found.count == 1 ? "" : "s") found")
                if !found.isEmpty { Terminal.line("\n📋 Results:") }
            }
            return try await installation.refresh(found.map(\.id), options) { report in
                guard isPlain else { return }
                Terminal.line("   " + Self.line(report, tenant: tenants[report.channelID] ?? "default"))
            }
        }
        if json {
            Terminal.line(batch(reports).pretty)
        } else {
            for line in totals(reports) { Terminal.line(line) }
        }
        if reports.contains(where: \.isFailure) { throw ExitCode(1) }
    }

    private static func line(_ report: RefreshReport, tenant: String) -> String {
        let channel = "\(report.channelID) (tenant \(tenant)):"
        return switch report.outcome {
        case .renewed where report.reason == "dry_run": "✅ \(channel) would be refreshed"
        case .renewed: "✅ \(channel) renewed until \(report.expiresAt?.rfc3339 ?? "—")"
        case .notDue, .paused: "⏭️ \(channel) skipped: \(report.message)"
        default: "❌ \(channel) \(report.outcome.rawValue): \(report.message)"
        }
    }

    private func totals(_ reports: [RefreshReport]) -> [String] {
        let renewed = reports.count { $0.outcome == .renewed }
        let failed = reports.count { $0.isFailure }
        return [
            "\n📈 Totals:", "   ✅ \(dryRun ? "would be refreshed" : "refreshed"): \(renewed)",
            "   ⏭️ skipped: \(reports.count - renewed - failed)", "   ❌ failed: \(failed)",
        ]
    }

    private func batch(_ reports: [RefreshReport]) -> JSON {
        [
            "succeeded": JSON(reports.count { $0.outcome == .renewed }), "processed": JSON(reports.count),
            "results": .array(reports.map { .refresh($0) }),
        ]
    }
}

extension RefreshReport {
    var isFailure: Bool {
        switch outcome {
        case .renewed, .notDue, .paused, .superseded: false
        default: true
        }
    }
}
