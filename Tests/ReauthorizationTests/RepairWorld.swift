import Domain
import FoundationEssentials
import Testing

/// One channel and its incident 7; whoever tries to change anything fails the test.
struct RepairWorld: ChannelDirectory, RelayDirectory {
    var channel: Channel
    var closedAt: Date?

    private var incident: Incident {
        Incident(
            id: 7, cause: IncidentCause(kind: .channel, id: channel.id.rawValue, reason: "reauthorization_required"),
            severity: .critical, provider: channel.provider, tenantID: channel.tenantID, appID: nil, code: nil,
            message: nil, parentID: nil, openedAt: channel.createdAt, closedAt: closedAt, members: [channel.id])
    }

    private func written<Value>(_ value: Value) -> Value {
        Issue.record("a page wrote something")
        return value
    }

    func channel(_ id: ChannelID, tenantID: String?) async throws -> Channel? { id == channel.id ? channel : nil }
    func channels(_ filter: ChannelFilter, after cursor: ChannelID?, limit: Int) async throws -> [Channel] { [channel] }
    func insert(_ channels: [NewChannel], replacing: Bool, actor: String) async throws { written(()) }
    func replaceCredential(
        of id: ChannelID, tenantID: String?, with grant: NewGrant, actor: String
    ) async throws -> Bool { written(false) }
    func pause(_ id: ChannelID, tenantID: String?, actor: String) async throws -> Bool { written(false) }
    func resume(_ id: ChannelID, tenantID: String?, actor: String) async throws -> Bool { written(false) }
    func disconnect(_ id: ChannelID, tenantID: String?, purge: Bool, actor: String) async throws -> Bool {
        written(false)
    }
    func token(of id: ChannelID, tenantID: String?) async throws -> StoredToken? { written(nil) }
    func totals() async throws -> ChannelTotals {
        ChannelTotals(providers: [:], overdue: 0, nextDueAt: nil, databaseTime: Date())
    }

    func incident(_ id: Int64, tenantID: String?) async throws -> Incident? { id == 7 ? incident : nil }
    func openIncident(of channel: ChannelID) async throws -> Incident? {
        channel == self.channel.id && incident.isOpen ? incident : nil
    }
    func incidents(_ query: IncidentQuery) async throws -> [Incident] { [incident] }
    func destinations(tenantID: String?) async throws -> [DestinationSummary] { [] }
    func destination(_ id: String, tenantID: String?) async throws -> Destination? { nil }
    func put(_ destination: Destination) async throws { written(()) }
    func removeDestination(_ id: String, tenantID: String?) async throws -> Bool { written(false) }
    func deliveries(_ query: DeliveryQuery) async throws -> [DeliveryRecord] { [] }
    func replay(_ deliveryID: String, tenantID: String?) async throws -> ReplayResult { written(.notFound) }
    func purgeRelay(before: Date) async throws -> Int { written(0) }
}

extension Channel {
    /// A channel whose grant is dead and whose access token lives for an hour more.
    static func broken(since: Date) -> Channel {
        Channel(
            id: "shop", tenantID: "acme", userID: "maria", provider: "youtube", displayName: "Maria's <Bakery>",
            localName: nil, externalID: nil, parameters: [:], meta: "{}", scopes: [], status: .warning,
            warning: .init(reason: .reauthorizationRequired, code: "invalid_grant", message: nil, since: since),
            hasRefreshToken: true, accessIssuedAt: since, accessExpiresAt: since + 3600, refreshExpiresAt: nil,
            lastRefreshAt: nil, nextRefreshAt: nil, humanDeadline: nil, consecutiveFailures: 1, lastOutcome: nil,
            lastError: nil, epoch: 1, createdAt: since, updatedAt: since)
    }
}
