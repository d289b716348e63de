import API
import Domain
import FoundationEssentials

/// Makes links that say what they were asked for.
struct FakeLinks: LinkMaking {
    func link(for channel: Channel, actor: String) async throws -> MadeLink? {
        MadeLink(url: "https://l/\(channel.id)", channelID: channel.id, expiresAt: nil)
    }

    func connect(_ order: ConnectOrder) async throws -> MadeLink? {
        guard order.displayName != "too long" else { return nil }
        return MadeLink(
            url: "https://l/\(order.tenantID)/\(order.provider)", channelID: "ch_new",
            expiresAt: Date(timeIntervalSince1970: 1_800_000_000))
    }
}
