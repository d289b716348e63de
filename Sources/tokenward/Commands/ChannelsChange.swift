import API
import ArgumentParser
import Domain
import FoundationEssentials
import Runtime

struct ChannelsToken: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Prints a valid access token, refreshed first when it is needed.",
        discussion: "Example: curl -H \"Authorization: Bearer $(tokenward channels token shop-1)\" …")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The channel's id.") var id: String
    @Option(name: [.customLong("min-ttl")], help: "Seconds it must still live.") var minTTL = 60
    @Flag(help: "Print JSON, with the expiry and the epoch.") var json = false

    func run() async throws {
        let id = ChannelID(rawValue: id)
        let options = RefreshOptions(minTimeToLive: .seconds(minTTL), actor: "command line")
        let token = try await common.withInstallation { installation in
            guard try await installation.channels.channel(id, tenantID: nil) != nil else {
                throw CommandFailure.unknownChannel(id)
            }
            let report = try await installation.refresh([id], options).first
            guard let token = try await installation.channels.token(of: id, tenantID: nil),
                token.credential.accessToken != nil, token.reason?.parks != true,
                token.expiresAt.map({ $0 > token.databaseTime }) ?? true
            else {
                throw CommandFailure(
                    sentence: "No valid token can be had: \(report?.message ?? "the channel has none").")
            }
            return token
        }
        if json {
            let left = token.expiresAt.map { $0.timeIntervalSince(token.databaseTime) }
            return Terminal.line(JSON.token(token, isStale: left.map { $0 <= Double(minTTL) } ?? false).pretty)
        }
        Terminal.line(token.credential.accessToken?.reveal() ?? "")
    }
}

struct ChannelsPause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Stops refreshing a channel.",
        discussion: "Example: tokenward channels pause shop-1")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The channel's id.") var id: String

    func run() async throws {
        try await common.change(ChannelID(rawValue: id), "is paused") {
            try await $0.channels.pause($1, tenantID: nil, actor: "command line")
        }
    }
}

struct ChannelsResume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Goes on refreshing a paused channel.",
        discussion: "Example: tokenward channels resume shop-1")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The channel's id.") var id: String

    func run() async throws {
        try await common.change(ChannelID(rawValue: id), "goes on") {
            try await $0.channels.resume($1, tenantID: nil, actor: "command line")
        }
    }
}

struct ChannelsRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Disconnects a channel; its secrets are shredded by cleanup after 7 days.",
        discussion: "Example: tokenward channels remove shop-1 --purge")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The channel's id.") var id: String
    @Flag(help: "Shred its secrets at once.") var purge = false
    @Flag(inversion: .prefixedNo, help: "Tell the provider, where that ends no other channel.") var revoke = true

    func run() async throws {
        let id = ChannelID(rawValue: id)
        let (purge, revoke) = (purge, revoke)
        let end = try await common.withInstallation {
            try await $0.remove(id, revokes: revoke, purges: purge, actor: "command line")
        }
        guard let end else { throw CommandFailure.unknownChannel(id) }
        Terminal.line("\(id) is disconnected")
        switch end {
        case .revoked: Terminal.line("Its grant is revoked at the provider.")
        case .shared:
            Terminal.line("Its grant is not revoked: that would end what other channels of the app use.")
        case .failed: Terminal.line("Its grant could not be revoked: remove the app in the account's settings.")
        case .skipped, .unsupported: break
        }
    }
}

struct ChannelsLink: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "link", abstract: "Prints the link that repairs a channel in warning.",
        discussion: "Example: tokenward channels link shop-1")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The channel's id.") var id: String
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let id = ChannelID(rawValue: id)
        let link = try await common.withInstallation { installation in
            guard try await installation.channels.channel(id, tenantID: nil) != nil else {
                throw CommandFailure.unknownChannel(id)
            }
            guard let link = try await installation.link(of: id) else {
                throw CommandFailure(sentence: "The channel `\(id)` has no open incident: nothing needs mending.")
            }
            return link
        }
        Terminal.line(json ? JSON.object(["link": .string(link)]).pretty : link)
    }
}

extension CommonOptions {
    func change(
        _ id: ChannelID, _ done: String, _ change: @Sendable (Installation, ChannelID) async throws -> Bool
    ) async throws {
        let isKnown = try await withInstallation { try await change($0, id) }
        guard isKnown else { throw CommandFailure.unknownChannel(id) }
        Terminal.line("\(id) \(done)")
    }
}
