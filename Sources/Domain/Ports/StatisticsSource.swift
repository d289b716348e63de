/// How many channels there are and how they stand; disconnected ones are not counted.
package struct RefreshStatistics: Sendable, Equatable {
    package struct Counts: Sendable, Equatable {
        package var channels: Int
        package var active: Int
        package var warning: Int
        package var paused: Int
        /// Due, failing or in warning.
        package var needingRefresh: Int
        package var withRefreshToken: Int
        /// The access token ends within ``urgentWithin``, or has ended.
        package var urgent: Int

        package init(
            channels: Int = 0, active: Int = 0, warning: Int = 0, paused: Int = 0, needingRefresh: Int = 0,
            withRefreshToken: Int = 0, urgent: Int = 0
        ) {
            self.channels = channels
            self.active = active
            self.warning = warning
            self.paused = paused
            self.needingRefresh = needingRefresh
            self.withRefreshToken = withRefreshToken
            self.urgent = urgent
        }
    }

    package static let urgentWithin: Duration = .seconds(3600)
    /// Of these the tenants with the most channels are told.
    package static let tenantsMax = 500

    package var total: Counts
    package var providers: [String: Counts]
    package var tenants: [String: Counts]

    package init(total: Counts = Counts(), providers: [String: Counts] = [:], tenants: [String: Counts] = [:]) {
        self.total = total
        self.providers = providers
        self.tenants = tenants
    }
}

package protocol StatisticsSource: Sendable {
    /// Reads every channel of the tenant, or of the installation.
    func statistics(tenantID: String?) async throws -> RefreshStatistics
}
