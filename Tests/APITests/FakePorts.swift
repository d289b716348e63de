import API
import Domain
import FoundationEssentials
import Synchronization

/// An installation without anything in it that remembers which tenant was asked for.
final class FakePorts: ChannelAdministration, OnDemandRefreshing, RelayDirectory, Authenticating, AppListing,
    HTTPSending
{
    private let asked = Mutex<[String?]>([])
    private let failure: (any Error)?

    init(failure: (any Error)? = nil) {
        self.failure = failure
    }

    var tenants: [String?] { asked.withLock { $0 } }

    func note(_ tenant: String?) throws {
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
    var all: [App] { [] }

    func send(
        _ request: OutgoingRequest, limits: TransferLimits, permit: @escaping @Sendable () -> Bool
    ) async -> TransferEnd { .notSent(code: "none", message: "There is no network.") }

    func channels(_ filter: ChannelFilter, after cursor: ChannelID?, limit: Int) async throws -> [Channel] {
        try note(filter.tenantID)
        return []
    }

    func channel(_ id: ChannelID, tenantID: String?) async throws -> Channel? {
        try note(tenantID)
        return nil
    }

    func insert(_ channels: [NewChannel], replacing: Bool, actor: AuditActor) async throws {
        for channel in channels { try note(channel.tenantID) }
    }

    func replaceCredential(
        of id: ChannelID, tenantID: String?, with grant: NewGrant, actor: AuditActor
    ) async throws -> Bool {
        try note(tenantID)
        return false
    }

    func pause(_ id: ChannelID, tenantID: String?, actor: AuditActor) async throws -> Bool {
        try note(tenantID)
        return false
    }

    func resume(_ id: ChannelID, tenantID: String?, actor: AuditActor) async throws -> Bool {
        try note(tenantID)
        return false
    }

    func disconnect(
        _ id: ChannelID, tenantID: String?, purge: Bool, actor: AuditActor
    ) async throws -> Disconnection? {
        try note(tenantID)
        return nil
    }

    func change(
        _ id: ChannelID, tenantID: String?, _ change: ChannelChange, actor: AuditActor
    ) async throws -> Bool {
        try note(tenantID)
        return false
    }

    func snapshot(of id: ChannelID, tenantID: String?) async throws -> ChannelSnapshot? {
        try note(tenantID)
        return nil
    }

    func grant(of id: ChannelID, tenantID: String?) async throws -> StoredGrant? {
        try note(tenantID)
        return nil
    }

    func isShared(apps: [String], besides id: ChannelID) async throws -> Bool { true }

    func history(
        of id: ChannelID, tenantID: String?, _ query: HistoryQuery
    ) async throws -> [HistoryEntry]? {
        try note(tenantID)
        return nil
    }

    func note(_ outcome: String, message: String, of id: ChannelID, actor: AuditActor) async throws {}

    func takeReport(of id: ChannelID, tenantID: String?, epoch: Int64) async throws -> ReportStanding? {
        try note(tenantID)
        return nil
    }

    func add(_ reads: [TokenReads]) async throws {}
    func reads(of id: ChannelID) async throws -> [TokenReads] { [] }

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

extension FakePorts: APITokenDirectory {
    func tokenHolder(digest: [UInt8]) async throws -> (name: String, role: String)? { nil }
    func insertToken(
        id: String, name: String, digest: [UInt8], role: String, expiresAt: Date?, actor: AuditActor
    ) async throws {}
    func hasSuperadmin() async throws -> Bool { true }
    func tokens(after cursor: String?, limit: Int) async throws -> [APITokenRecord] { [] }
    func revokeToken(_ id: String, actor: AuditActor) async throws -> Bool { false }
}

extension FakePorts: AuditLog, AppRecords {
    func record(_ change: AuditChange, by actor: AuditActor) async throws {}

    func auditEntries(_ query: AuditQuery) async throws -> [AuditEntry] {
        try note(query.tenantID)
        return []
    }

    func apps(tenantID: String?) async throws -> [AppRecord] {
        try note(tenantID)
        return []
    }

    func channel(of appID: String) async throws -> ChannelID? { nil }
}

extension FakePorts: TenantDirectory, KeyDirectory {
    func tenants(after cursor: String?, limit: Int) async throws -> [TenantSummary] { [] }
    func keyUses(ring: [String]) async throws -> [KeyUse] { [] }
}

extension FakePorts: JobStore {
    func insertJob(
        _ work: JobWork, id: String, tenantID: String?, delay: Duration, actor: AuditActor
    ) async throws {
        try note(tenantID)
        try note(work.order?.tenantID)
    }

    func job(_ id: String, tenantID: String?) async throws -> Job? {
        try note(tenantID)
        return nil
    }

    func jobs(_ query: JobQuery) async throws -> [Job] {
        try note(query.tenantID)
        return []
    }

    func jobCounts(tenantID: String?) async throws -> [Job.State: Int] {
        try note(tenantID)
        return [:]
    }

    func cancelJob(_ id: String, tenantID: String?, actor: AuditActor) async throws -> Job? {
        try note(tenantID)
        return nil
    }

    func claimJob(lease: Duration) async throws -> JobClaim? { nil }
    func nextChannels(of claim: JobClaim, limit: Int) async throws -> [ChannelID] { [] }
    func advanceJob(
        _ claim: JobClaim, past cursor: ChannelID, _ reports: [RefreshReport], lease: Duration
    ) async throws -> Bool { false }
    func holdJob(_ claim: JobClaim, lease: Duration) async throws -> Bool { false }
    func finishJob(_ claim: JobClaim, cleanup: CleanupReport?) async throws {}
    func noteFailedTry(of claim: JobClaim, because sentence: String, retryAfter delay: Duration?) async throws {}
    func releaseJob(_ claim: JobClaim, delay: Duration) async throws {}
    func pruneJobs(ofTenant tenantID: String?, keeping: JobRetention) async throws {}
}

extension FakePorts: ScheduleStore, StatisticsSource {
    func insertSchedule(_ schedule: NewSchedule, actor: AuditActor) async throws -> Bool {
        try note(schedule.tenantID)
        try note(schedule.work.order?.tenantID)
        return true
    }

    func schedule(_ id: String, tenantID: String?) async throws -> Schedule? {
        try note(tenantID)
        return nil
    }

    func schedules(tenantID: String?, after cursor: String?, limit: Int) async throws -> [Schedule] {
        try note(tenantID)
        return []
    }

    func removeSchedule(_ id: String, tenantID: String?, actor: AuditActor) async throws -> ScheduleRemoval {
        try note(tenantID)
        return .unknown
    }

    func removeSchedules(ofTenant tenantID: String, actor: AuditActor) async throws -> Int {
        try note(tenantID)
        return 0
    }

    func putConfiguredSchedules(_ schedules: [NewSchedule]) async throws {}

    func dueSchedules(limit: Int) async throws -> DueSchedules {
        DueSchedules(due: [], next: nil, databaseTime: Date())
    }

    func takeSlot(of schedule: Schedule, next: Date?) async throws -> SlotEnd { .lost }

    func statistics(tenantID: String?) async throws -> RefreshStatistics {
        try note(tenantID)
        return RefreshStatistics()
    }
}

extension FakePorts: RelayControl, DeliveryAdministration, DestinationProving {
    func acknowledge(
        _ target: RelayTarget, note: String?, tenantID: String?, by actor: AuditActor
    ) async throws -> [Incident] {
        try self.note(tenantID)
        return []
    }

    func snooze(
        _ target: RelayTarget, until end: Date, comment: String, tenantID: String?, by actor: AuditActor
    ) async throws -> [Silence] {
        try note(tenantID)
        return []
    }

    func addSilence(_ silence: Silence, by actor: AuditActor) async throws { try note(silence.tenantID) }

    func silences(isActive: Bool, tenantID: String?, limit: Int) async throws -> [Silence] {
        try note(tenantID)
        return []
    }

    func removeSilence(_ id: String, tenantID: String?, by actor: AuditActor) async throws -> Bool {
        try note(tenantID)
        return false
    }

    func mute(destination id: String, recipient: String, tenantID: String?, by actor: AuditActor) async throws -> Bool {
        try note(tenantID)
        return false
    }

    func unmute(
        destination id: String, recipient: String, tenantID: String?, by actor: AuditActor
    ) async throws -> Bool {
        try note(tenantID)
        return false
    }

    func mutes(tenantID: String?) async throws -> [Mute] { [] }

    func delivery(_ id: String, tenantID: String?) async throws -> (DeliveryRecord, [DeliveryAttempt])? {
        try note(tenantID)
        return nil
    }

    func replay(_ filter: ReplayFilter, by actor: AuditActor) async throws -> [String] {
        try note(filter.tenantID)
        return []
    }

    func submit(_ event: PlatformEvent) async throws -> Bool {
        try note(event.tenantID)
        return true
    }

    func noteTest(of destination: String) async throws {}

    func check(_ destination: Destination) throws { try note(destination.tenantID) }
    func prove(_ destination: Destination) async -> DestinationProof {
        DestinationProof(succeeded: true, code: "200", sentence: "Taken.")
    }
    func generatedSecret() -> Secret { Secret("whsec_generated") }
}
