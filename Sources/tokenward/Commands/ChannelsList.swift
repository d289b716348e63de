import API
import ArgumentParser
import Domain
import FoundationEssentials
import Runtime

struct ChannelsList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists channels.",
        discussion: "Example: tokenward channels list --provider amocrm")

    @OptionGroup var common: CommonOptions
    @Option(name: [.customLong("tenant"), .customLong("team-id")], help: "Of this tenant.") var tenant: String?
    @Option(help: "Of this user.") var user: String?
    @Option(help: "Of this provider.") var provider: String?
    @Option(help: "active, warning, paused or disconnected.") var status: String?
    @Option(help: "Part of id or name.") var query: String?
    @Option(help: "At most this many (1…500).") var limit = 100
    @Option(help: "Continue after this id.") var cursor: String?
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard (1...500).contains(limit) else { throw ValidationError("--limit is a number from 1 to 500.") }
        if let status, ChannelStatus(name: status) == nil {
            throw ValidationError("--status is active, warning, paused or disconnected.")
        }
    }

    func run() async throws {
        let filter = ChannelFilter(
            tenantID: tenant, userID: user, provider: provider, status: status.flatMap(ChannelStatus.init(name:)),
            query: query)
        let cursor = cursor.map { ChannelID(rawValue: $0) }
        let limit = limit
        let channels = try await common.withInstallation {
            try await $0.channels.channels(filter, after: cursor, limit: limit)
        }
        if json {
            Terminal.line(
                JSON.page(
                    channels.map { .channel($0, link: nil) },
                    next: channels.count == limit ? channels.last?.id.rawValue : nil
                ).pretty)
            return
        }
        var rows = [["id", "tenant", "provider", "status", "expires", "name"]]
        for channel in channels {
            rows.append([
                channel.id.rawValue, channel.tenantID, channel.provider,
                channel.warning.map { "warning (\($0.reason.rawValue))" } ?? channel.status.name,
                channel.accessExpiresAt?.rfc3339 ?? "—", channel.displayName ?? "",
            ])
        }
        Terminal.table(rows)
    }
}

struct ChannelsShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows one channel.", discussion: "Example: tokenward channels show shop-1")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The channel's id.") var id: String
    @Flag(help: "Print JSON, as is done anyway.") var json = false

    func run() async throws {
        let id = ChannelID(rawValue: id)
        let text = try await common.withInstallation { installation in
            guard let channel = try await installation.channels.channel(id, tenantID: nil) else {
                throw CommandFailure.unknownChannel(id)
            }
            return JSON.channel(channel, link: try await installation.link(of: id)).pretty
        }
        Terminal.line(text)
    }
}

extension CommandFailure {
    static func unknownChannel(_ id: ChannelID) -> CommandFailure {
        CommandFailure(sentence: "There is no channel `\(id)`; `tokenward channels list` names those there are.")
    }
}
