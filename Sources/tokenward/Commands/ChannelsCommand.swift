import ArgumentParser

struct ChannelsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "channels", abstract: "Adds, lists, shows, pauses and removes channels.",
        discussion: "Example: tokenward channels list --status warning",
        subcommands: [
            ChannelsAdd.self, ChannelsList.self, ChannelsShow.self, ChannelsToken.self, ChannelsPause.self,
            ChannelsResume.self, ChannelsRemove.self, ChannelsImport.self, ChannelsLink.self,
            ChannelsExplain.self, ChannelsInspect.self, ChannelsExport.self,
        ])
}
