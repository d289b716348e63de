import Domain
import FoundationEssentials

struct Killed: Error {}

/// The database as one process sees it: gone when the process is.
struct LivingStore: RefreshStore {
    let store: MemoryStore
    let life: Life

    private func alive<Value>(_ body: () async throws -> Value) async throws -> Value {
        if life.isDead { throw Killed() }
        let value = try await body()
        if life.isDead { throw Killed() }
        return value
    }

    private func claimed(_ body: () async throws -> ClaimBatch) async throws -> ClaimBatch {
        let batch = try await alive(body)
        for claim in batch.claims where !life.reaches(.claimed, claim.channelID) { throw Killed() }
        return batch
    }

    private func stored<Value>(_ channels: [ChannelID], _ body: () async throws -> Value) async throws -> Value {
        for channel in channels where !life.reaches(.storing, channel) { throw Killed() }
        let value = try await alive(body)
        for channel in channels where !life.reaches(.stored, channel) { throw Killed() }
        return value
    }

    func claimDue(provider: String, lease: Duration, limit: Int, excludingApps: [String]) async throws -> ClaimBatch {
        try await claimed {
            try await store.claimDue(provider: provider, lease: lease, limit: limit, excludingApps: excludingApps)
        }
    }

    func claim(channels: [ChannelID], leases: [String: Duration]) async throws -> ClaimBatch {
        try await claimed { try await store.claim(channels: channels, leases: leases) }
    }

    func orphaned(among providers: [String]) async throws -> [String] {
        try await store.orphaned(among: providers)
    }

    func takeOver(provider: String, lease: Duration, free: Bool, limit: Int) async throws -> ClaimBatch {
        try await claimed { try await store.takeOver(provider: provider, lease: lease, free: free, limit: limit) }
    }

    func complete(_ successes: [StoredSuccess]) async throws -> [CompletionResult] {
        try await stored(successes.map(\.key.channelID)) { try await store.complete(successes) }
    }

    func complete(_ failures: [StoredFailure]) async throws -> [CompletionResult] {
        try await stored(failures.map(\.key.channelID)) { try await store.complete(failures) }
    }

    func complete(_ inspections: [StoredInspection]) async throws -> [CompletionResult] {
        try await stored(inspections.map(\.key.channelID)) { try await store.complete(inspections) }
    }

    func tenants(of appID: String) async throws -> Int { try await alive { try await store.tenants(of: appID) } }

    func holdVerdicts(of appID: String, canariesAfter wait: Duration, channel: ChannelID) async throws {
        try await alive { try await store.holdVerdicts(of: appID, canariesAfter: wait, channel: channel) }
    }

    func takeHoldTurn(of appID: String, every interval: Duration, atMost limit: Duration) async throws -> HoldTurn {
        try await alive { try await store.takeHoldTurn(of: appID, every: interval, atMost: limit) }
    }

    func releaseVerdicts(of appID: String, because sentence: String) async throws {
        try await alive { try await store.releaseVerdicts(of: appID, because: sentence) }
    }

    func release(_ claims: [(key: ClaimKey, dueAt: Date?)]) async throws {
        try await alive { try await store.release(claims) }
    }

    func due(providers: [String], excludingApps: [String]) async throws -> DueProviders {
        try await alive { try await store.due(providers: providers, excludingApps: excludingApps) }
    }

    func snapshots(of channels: [ChannelID]) async throws -> [ChannelSnapshot] {
        try await alive { try await store.snapshots(of: channels) }
    }

    func fences(of channels: [ChannelID]) async throws -> [ChannelID: ChannelFence] {
        try await alive { try await store.fences(of: channels) }
    }

    func setApp(_ appID: String, state: AppState, reason: String, channel: ChannelID?) async throws {
        try await alive { try await store.setApp(appID, state: state, reason: reason, channel: channel) }
    }

    func takeProbe(of appID: String, every interval: Duration, excluding: ChannelID?) async throws -> ChannelID? {
        try await alive { try await store.takeProbe(of: appID, every: interval, excluding: excluding) }
    }

    func troubledApps() async throws -> [String: AppStanding] {
        try await alive { try await store.troubledApps() }
    }
}

/// A journal that a kill stops between any two records.
struct LivingJournal: AnswerJournal {
    let journal: MemoryJournal
    let life: Life

    func reserve() throws(JournalError) -> JournalReservation { try journal.reserve() }
    func release(_ reservation: JournalReservation) { journal.release(reservation) }
    func noteClaims(_ keys: [ClaimKey]) { journal.noteClaims(keys) }

    func append(_ answer: JournalAnswer, using reservation: JournalReservation) async throws(JournalError) {
        guard life.reaches(.journalling, answer.key.channelID) else { throw .failed("killed") }
        try await journal.append(answer, using: reservation)
        guard life.reaches(.journalled, answer.key.channelID) else { throw .failed("killed") }
    }

    func noteDone(_ keys: [ClaimKey]) {
        for key in keys where !life.reaches(.noting, key.channelID) { return }
        journal.noteDone(keys)
    }

    func recover() async throws(JournalError) -> JournalRecovery { try await journal.recover() }
    func quarantine(_ key: ClaimKey, because sentence: String) async {
        await journal.quarantine(key, because: sentence)
    }
    func standing() -> JournalStanding { journal.standing() }
}

/// One process's connections to the provider; its death closes them.
struct LivingSender: HTTPSending {
    let provider: ModelProvider
    let life: Life
    let clock: Simulation

    func send(
        _ request: OutgoingRequest, limits: TransferLimits, permit: @escaping @Sendable () -> Bool
    ) async -> TransferEnd {
        let lost = TransferEnd.lost(code: "56", message: "The connection was reset.")
        if let end = await provider.answerAside(request, permit: permit) { return life.isDead ? lost : end }
        guard let (grant, number) = ModelProvider.presented(by: request) else {
            return .notSent(code: "3", message: "The request makes no sense.")
        }
        let channel = ChannelID(rawValue: grant)
        guard life.reaches(.sending, channel) else { return lost }
        let conduct = provider.conduct(for: grant)
        if case .notSent = conduct { return .notSent(code: "7", message: "The connection was refused.") }
        let latency = provider.latency(of: grant)
        await clock.pause(for: min(latency / 10, .seconds(1)))
        guard !life.isDead, permit() else { return .notSent(code: "42", message: "The permit was refused.") }
        let index = provider.begin(grant, number)
        guard life.reaches(.sent, channel) else {
            provider.end(index, wasAnswered: false)
            return lost
        }
        var response: IncomingResponse?
        switch conduct {
        case .answer: response = provider.act(grant, number)
        case .omitRefreshToken: response = provider.act(grant, number, omitsRefreshToken: true)
        case .refuse(let status, let body, let headers): response = ModelProvider.json(status, body, headers)
        case .loseAnswer: _ = provider.act(grant, number)
        case .cut(let bytes):
            var whole = provider.act(grant, number)
            whole.body = Array(whole.body.prefix(bytes))
            whole.isCut = true
            response = whole
        case .loseRequest, .notSent: break
        }
        let isLate = latency >= limits.total
        await clock.pause(for: response == nil || isLate ? limits.total : latency)
        let isHeard = response != nil && !isLate && life.reaches(.answered, channel)
        provider.end(index, wasAnswered: isHeard)
        return isHeard ? response.map { .answered($0) } ?? lost : lost
    }
}
