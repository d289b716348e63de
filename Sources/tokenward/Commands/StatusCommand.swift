import API
import ArgumentParser
import Domain
import Runtime

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Says how things stand.", discussion: "Example: tokenward status --json")

    @OptionGroup var common: CommonOptions
    @Flag(help: "Print the JSON of /status.") var json = false

    func run() async throws {
        let status = try await common.withInstallation { try await $0.status() }
        if json {
            Terminal.line(status.pretty)
            return
        }
        let isHealthy = status["healthy"] == true
        Terminal.line(isHealthy ? Terminal.paint("healthy", .green) : Terminal.paint("needs attention", .yellow))
        if case .object(let channels)? = status["channels"] {
            let order = ["total", "active", "warning", "paused", "disconnected", "overdue"]
            Terminal.line(order.map { "\($0) \(Self.number(channels[$0]))" }.joined(separator: ", "))
        }
        if case .object(let providers)? = status["providers"], !providers.isEmpty {
            var rows = [["provider", "channels", "warning", "soonest expiry"]]
            for (name, provider) in providers.sorted(by: { $0.key < $1.key }) {
                rows.append([
                    name, Self.number(provider["channels"]), Self.number(provider["warning"]),
                    provider["expiresAt"]?.text ?? "—",
                ])
            }
            Terminal.table(rows)
        }
        Terminal.line(
            "incidents open \(Self.number(status["incidents"]?["open"])), deliveries pending "
                + "\(Self.number(status["deliveries"]?["pending"])), dead \(Self.number(status["deliveries"]?["dead"]))"
        )
    }

    private static func number(_ value: JSON?) -> String {
        guard case .int(let number)? = value else { return "0" }
        return "\(number)"
    }
}
