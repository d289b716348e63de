import API
import Domain
import FoundationEssentials
import Synchronization

/// An installation without anything in it that remembers which tenant was asked for.
final class FakePorts: ChannelDirectory, OnDemandRefreshing, RelayDirectory, Authenticating, AppDirectory {
    private let asked = Mutex<[String?]>([])
    private let failure: (any Error)?

    init(failure: (any Error)? = nil) {
        self.failure = failure
    }

    var tenants: [String?] { asked.withLock { $0 } }

    private func note(_ tenant: String?) throws {
        asked.withLock { $0.append(tenant) }
        if let failure { throw failure }
    }

    func caller(presenting token: Secret) async throws -> Caller? {
        switch token.reveal() {
        case "admin": Caller(name: "admin", role: .superadmin)
        case "acme": Caller(name: "acme", role: .tenant("acme"))
        case "probe": Caller(name: "probe", role: .probe)
        default: nil
        }
    }

    func app(provider: String, tenantID: String) -> App? { nil }

    func channels(_ filter: ChannelFilter, after cursor: ChannelID?, limit: Int) async throws -> [Channel] {
        try note(filter.tenantID)
        return []
    }

    func channel(_ id: ChannelID, tenantID: String?) async throws -> Channel? {
        try note(tenantID)
        return nil
    }

    func insert(_ channels: [NewChannel], replacing: Bool, actor: String) async throws {
        for channel in channels { try note(channel.tenantID) }
    }

    func replaceCredential(
        of id: ChannelID, tenantID: String?, with grant: NewGrant, actor: String
    ) async throws -> Bool {
        try note(tenantID)
        return false
    }

    func pause(_ id: ChannelID, tenantID: String?, actor: String) async throws -> Bool {
        try note(tenantID)
        return false
    }

    func resume(_ id: ChannelID, tenantID: String?, actor: String) async throws -> Bool {
        try note(tenantID)
        return false
    }

    func disconnect(_ id: ChannelID, tenantID: String?, purge: Bool, actor: String) async throws -> Bool {
        try note(tenantID)
        return false
    }

    func token(of id: ChannelID, tenantID: String?) async throws -> StoredToken? {
        try note(tenantID)
        return nil
    }

    func totals() async throws -> ChannelTotals {
        ChannelTotals(providers: [:], overdue: 0, nextDueAt: nil, databaseTime: Date())
    }

    func refresh(_ channels: [ChannelID], _ options: RefreshOptions) async throws -> [RefreshReport] { [] }

    func destinations(tenantID: String?) async throws -> [DestinationSummary] { [] }
    func destination(_ id: String, tenantID: String?) async throws -> Destination? { nil }
    func put(_ destination: Destination) async throws {}
    func removeDestination(_ id: String, tenantID: String?) async throws -> Bool { false }

    func incidents(_ query: IncidentQuery) async throws -> [Incident] {
        try note(query.tenantID)
        return []
    }

    func incident(_ id: Int64, tenantID: String?) async throws -> Incident? {
        try note(tenantID)
        return nil
    }

    func openIncident(of channel: ChannelID) async throws -> Incident? { nil }
    func deliveries(_ query: DeliveryQuery) async throws -> [DeliveryRecord] { [] }
    func replay(_ deliveryID: String, tenantID: String?) async throws -> ReplayResult { .notFound }
    func purgeRelay(before: Date) async throws -> Int { 0 }
}
