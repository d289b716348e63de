/// A tenant, which exists by having channels, and how its channels are.
package struct TenantSummary: Sendable, Equatable {
    package var id: String
    package var channels: [ChannelStatus: Int]

    package init(id: String, channels: [ChannelStatus: Int]) {
        self.id = id
        self.channels = channels
    }
}

package protocol TenantDirectory: Sendable {
    /// In order of id; at most `limit` (1…501).
    func tenants(after cursor: String?, limit: Int) async throws -> [TenantSummary]
}
