import API
import Domain
import FoundationEssentials
import Logging
import Store

/// Channels that the environment names (DESIGN §3.2 "first tokens").
struct FirstChannels {
    let installation: Installation
    let logger: Logger

    /// Imports each first token once, when its channel does not exist.
    func importMissing() async throws {
        for first in installation.settings.firstTokens {
            let id = ChannelID(rawValue: first.channelID)
            guard try await installation.store.channel(id, tenantID: nil) == nil else { continue }
            var columns = ["id": first.channelID, "provider": first.provider]
            columns["access_token"] = first.accessToken?.reveal()
            columns["refresh_token"] = first.refreshToken?.reveal()
            if !first.parameters.isEmpty {
                columns["params"] = String(
                    decoding: JSON.object(first.parameters.mapValues { .string($0) }).bytes, as: UTF8.self)
            }
            do {
                let channel = try installation.intake.channel(try ChannelFields(columns: columns), now: Date())
                try await installation.store.insert([channel], replacing: false, actor: "environment")
                logger.notice("first token imported", metadata: ["event": "channel.imported", "channel": "\(id)"])
            } catch let error as IntakeError {
                throw StartError(.misconfigured, "The first token of channel `\(id)` is not taken: \(error).")
            } catch ChannelDirectoryError.refused(let why) {
                throw StartError(.misconfigured, "The first token of channel `\(id)` is not taken: \(why).")
            } catch ChannelDirectoryError.exists {
                // Another replica was first.
                continue
            }
        }
    }
}
