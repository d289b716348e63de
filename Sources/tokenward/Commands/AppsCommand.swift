import API
import ArgumentParser
import Domain
import Runtime

struct AppsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apps", abstract: "Lists the apps at the providers and how those take them; shows no secret.",
        discussion: "Example: tokenward apps --json")

    @OptionGroup var common: CommonOptions
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let apps = try await common.withInstallation { try await $0.appSummaries() }
        if json { return Terminal.line(JSON.page(apps.map { .app($0) }, next: nil).pretty) }
        var rows = [["id", "state", "secrets", "client id", "reason"]]
        for app in apps {
            rows.append([
                app.record.id, app.record.state.rawValue, app.app.map { "\($0.secrets.count)" } ?? "not configured",
                app.app?.clientID ?? "—", app.record.state == .ok ? "" : app.record.reason ?? "",
            ])
        }
        Terminal.table(rows)
    }
}
