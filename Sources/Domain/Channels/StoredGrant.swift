package import FoundationEssentials

/// A channel's stored pair with what a call to its provider needs.
package struct StoredGrant: Sendable {
    package var channelID: ChannelID
    package var tenantID: String
    package var provider: String
    package var appID: String
    package var externalID: String?
    package var status: ChannelStatus
    package var credential: Credential
    package var accessIssuedAt: Date?
    package var accessExpiresAt: Date?
    package var epoch: Int64

    package init(
        channelID: ChannelID, tenantID: String, provider: String, appID: String, externalID: String?,
        status: ChannelStatus, credential: Credential, accessIssuedAt: Date?, accessExpiresAt: Date?, epoch: Int64
    ) {
        self.channelID = channelID
        self.tenantID = tenantID
        self.provider = provider
        self.appID = appID
        self.externalID = externalID
        self.status = status
        self.credential = credential
        self.accessIssuedAt = accessIssuedAt
        self.accessExpiresAt = accessExpiresAt
        self.epoch = epoch
    }
}
