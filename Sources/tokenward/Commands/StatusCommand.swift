import API
import ArgumentParser
import Domain
import FoundationEssentials
import Runtime

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Says how things stand: by provider, what needs a human, what comes next.",
        discussion: "Example: tokenward status --json")

    /// Channels that need a human and are named.
    private static let namedMax = 8

    @OptionGroup var common: CommonOptions
    @Flag(help: "Print the JSON of /status.") var json = false

    func run() async throws {
        let json = json
        let picture = try await common.withInstallation { installation -> StatusPicture in
            var picture = StatusPicture(status: try await installation.status(), warnings: [], schedules: [])
            guard !json else { return picture }
            let channels = try await installation.channels.channels(
                ChannelFilter(status: .warning), after: nil, limit: Self.namedMax)
            for channel in channels {
                picture.warnings.append((channel, try await installation.link(of: channel.id)))
            }
            picture.schedules = try await installation.schedules.schedules(tenantID: nil, after: nil, limit: 500)
            return picture
        }
        if json { return Terminal.line(picture.status.pretty) }
        for line in picture.lines(hasBars: ProcessGuard.isTerminal, now: Date()) { Terminal.line(line) }
    }
}
