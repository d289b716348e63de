import API
import ArgumentParser
import Domain
import Runtime

struct CleanupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cleanup",
        abstract: "Removes what is kept no longer: secrets of disconnected channels, old history, finished jobs.",
        discussion: "Example: tokenward cleanup --dry-run")

    @OptionGroup var common: CommonOptions
    @Flag(help: "Count what would go; remove nothing.") var dryRun = false
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let (dryRun, json) = (dryRun, json)
        let report = try await common.withInstallation { installation in
            try await installation.clean(dryRun: dryRun) { step, count in
                // A line as soon as a step is done: the first cleanup of years takes its time.
                if !json { Terminal.line("\(count) \(step.words)") }
            }
        }
        if json { return Terminal.line(JSON.cleanup(report).pretty) }
        Terminal.line(dryRun ? "\(report.total) would go; nothing was changed" : "\(report.total) are gone")
    }
}

struct StatisticsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "statistics", abstract: "Counts channels: all, needing a refresh, urgent; by provider and tenant.",
        discussion: "Example: tokenward statistics --tenant acme")

    @OptionGroup var common: CommonOptions
    @Option(name: [.customLong("tenant"), .customLong("team-id")], help: "Of this tenant.") var tenant: String?
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let tenant = tenant
        let statistics = try await common.withInstallation { try await $0.statistics(tenantID: tenant) }
        if json { return Terminal.line(JSON.statistics(statistics).pretty) }
        var rows = [
            ["", "channels", "active", "warning", "paused", "need refresh", "refreshable", "urgent (< 60 min)"]
        ]
        rows.append(["all"] + Self.cells(statistics.total))
        for (provider, counts) in statistics.providers.sorted(by: { $0.key < $1.key }) {
            rows.append([provider] + Self.cells(counts))
        }
        for (tenant, counts) in statistics.tenants.sorted(by: {
            ($1.value.channels, $0.key) < ($0.value.channels, $1.key)
        }) {
            rows.append(["tenant \(tenant)"] + Self.cells(counts))
        }
        Terminal.table(rows)
    }

    private static func cells(_ counts: RefreshStatistics.Counts) -> [String] {
        [
            counts.channels, counts.active, counts.warning, counts.paused, counts.needingRefresh,
            counts.withRefreshToken, counts.urgent,
        ].map { "\($0)" }
    }
}

extension CleanupStep {
    var words: String {
        switch self {
        case .secrets: "disconnected channels' secrets"
        case .authorizations: "ended authorizations"
        case .audit: "rows of history"
        case .changes: "rows of the audit log"
        case .jobs: "finished jobs"
        case .relay: "closed incidents, deliveries, events and destinations"
        }
    }
}
