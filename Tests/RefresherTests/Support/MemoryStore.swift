import Domain
import FoundationEssentials
import Synchronization

/// The database in memory, with the fences of PROTOCOL §4, for any number of refreshers.
final class MemoryStore: Sendable {
    struct Row: Sendable {
        var id: ChannelID
        var tenantID: String
        var provider: String
        var appID: String
        var status = ChannelStatus.active
        var reason: WarningReason?
        var dueAt: Date?
        var leaseUntil: Date?
        var attempt: Int64
        var grantID: Int64
        var written: Int64
        var doubt = false
        var fails = 0
        var denials = 0
        var credential: Credential
        var credentialFault: SealedCredentialFault?
        var epoch: Int64 = 1
        var accessIssuedAt: Date?
        var accessExpiresAt: Date?
        var refreshExpiresAt: Date?
        var humanDeadlineAt: Date?
        var lastRefreshAt: Date?
        var lastOutcome: Outcome?
        var lastCode: String?

        var isHeld: Bool { leaseUntil != nil }
    }

    struct AppRow: Sendable {
        var standing: AppStanding
        var reason = ""
        var holdTurnAt: Date?
    }

    struct Event: Sendable, Equatable {
        var channelID: ChannelID?
        var appID: String?
        var kind: String
        var reason: String?
    }

    struct AuditKey: Hashable, Sendable {
        var key: ClaimKey
        var outcome: String
    }

    enum Operation: Hashable, Sendable, CaseIterable {
        case claimDue, claim, takeOver, storeSuccesses, storeFailures, storeInspections, release, due, snapshots, apps
    }

    /// Providers that have channels; catalogues name many more.
    private let providers = Mutex<Set<String>>([])

    func hasChannels(of provider: String) -> Bool { providers.withLock { $0.contains(provider) } }

    /// What the database does to a call besides its work.
    enum Fault: Sendable {
        /// The transaction is not done.
        case failed
        /// It is committed, and nobody hears of it.
        case unheard
        case slow(Duration)
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String { "the connection was lost" }
    }

    struct State: Sendable {
        var rows: [ChannelID: Row] = [:]
        var apps: [String: AppRow] = [:]
        var events: [Event] = []
        var audit: Set<AuditKey> = []
        var calls: [Operation: Int] = [:]
        /// Rows of each claim of due rows.
        var claimSizes: [Int] = []
        var batchSizes: [Int] = []
        var violations: [String] = []
    }

    let state = Mutex(State())
    let clock: Simulation
    private let start: ContinuousClock.Instant
    private let epoch: Date
    private let skew = Mutex<TimeInterval>(0)
    private let fault = Hook<Operation, Fault?> { _ in nil }
    /// Says why a pair cannot be stored.
    private let refusal = Hook<StoredSuccess, String?> { _ in nil }

    init(clock: Simulation, epoch: Date = Date(timeIntervalSince1970: 1_790_000_000)) {
        self.clock = clock
        self.epoch = epoch
        start = clock.now
    }

    var now: Date { epoch.addingTimeInterval(start.duration(to: clock.now).seconds + skew.withLock { $0 }) }

    /// The database's clock jumps.
    func jump(by seconds: TimeInterval) { skew.withLock { $0 += seconds } }

    func setFault(_ new: @escaping @Sendable (Operation) -> Fault?) { fault.set(new) }
    func setRefusal(_ new: @escaping @Sendable (StoredSuccess) -> String?) { refusal.set(new) }

    func row(_ id: ChannelID) -> Row? { state.withLock { $0.rows[id] } }
    var rows: [Row] { state.withLock { $0.rows.values.sorted { $0.id < $1.id } } }
    var events: [Event] { state.withLock { $0.events } }
    var violations: [String] { state.withLock { $0.violations } }
    func calls(_ operation: Operation) -> Int { state.withLock { $0.calls[operation] ?? 0 } }

    func change(_ id: ChannelID, _ body: (inout Row) -> Void) {
        state.withLock { state in if state.rows[id] != nil { body(&state.rows[id]!) } }
    }

    func add(_ row: Row) {
        providers.withLock { _ = $0.insert(row.provider) }
        state.withLock { $0.rows[row.id] = row }
    }

    static func microseconds(_ date: Date) -> Int64 { Int64(date.timeIntervalSince1970 * 1_000_000) }

    /// An import or authorization: a new grant supersedes whatever is in flight.
    func newGrant(_ id: ChannelID, _ credential: Credential, expiresIn: TimeInterval) {
        let now = now
        change(id) { row in
            row.attempt = max(row.attempt + 1, Self.microseconds(now))
            (row.grantID, row.written) = (row.attempt, row.attempt)
            (row.leaseUntil, row.doubt, row.fails, row.denials) = (nil, false, 0, 0)
            (row.status, row.reason) = (.active, nil)
            row.credential = credential
            row.epoch += 1
            (row.accessIssuedAt, row.accessExpiresAt) = (now, now.addingTimeInterval(expiresIn))
            row.dueAt = now.addingTimeInterval(expiresIn / 2)
        }
    }

    func disconnect(_ id: ChannelID) {
        let now = now
        change(id) { row in
            row.attempt = max(row.attempt + 1, Self.microseconds(now))
            (row.grantID, row.written) = (row.attempt, row.attempt)
            (row.status, row.dueAt, row.leaseUntil) = (.disconnected, nil, nil)
        }
    }

    func pause(_ id: ChannelID) {
        change(id) { row in
            row.status = .paused
            if row.leaseUntil == nil { row.dueAt = nil }
        }
    }

    /// One transaction, with whatever befalls it.
    func perform<Value: Sendable>(
        _ operation: Operation, writesRows: Bool = true, _ body: (inout State, Date) throws -> Value
    ) async throws -> Value {
        state.withLock { $0.calls[operation, default: 0] += 1 }
        let fault = fault(operation)
        switch fault {
        case .failed?: throw Failure()
        case .slow(let duration)?: await clock.pause(for: duration)
        case .unheard?, nil: break
        }
        let now = now
        let value = try state.withLock { state in
            let before = state.rows
            let value = try body(&state, now)
            if writesRows { Self.check(before, &state) }
            return value
        }
        if case .unheard? = fault { throw Failure() }
        return value
    }

    func refusal(of success: StoredSuccess) -> String? { refusal(success) }

    /// I2 and I4 after every transaction.
    private static func check(_ before: [ChannelID: Row], _ state: inout State) {
        for (id, row) in state.rows {
            if row.attempt < row.written || row.attempt < row.grantID { state.violations.append("I2 order in \(id)") }
            if row.written < row.grantID { state.violations.append("I4 an old grant in \(id)") }
            guard let old = before[id] else { continue }
            if row.attempt < old.attempt || row.written < old.written || row.epoch < old.epoch {
                state.violations.append("I2 a number of \(id) fell")
            }
            if old.status == .disconnected, row.written != old.written {
                state.violations.append("I4 a write to the disconnected \(id)")
            }
        }
    }
}
