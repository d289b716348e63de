import Domain
import FoundationEssentials
import Journal
import Sealing
import Synchronization

/// A directory of one test, removed with it; in memory where the system has such a place.
final class Workbench: Sendable {
    let root: String
    let ring: KeyRing

    static let small = JournalConfiguration(
        segmentBytes: 16 << 10, slotBytes: 1 << 10, reservationsReady: 0, sparesMax: 3, probeInterval: .milliseconds(1))

    init(ring: KeyRing = KeyRing.generated().ring) {
        let memory = "/dev/shm"
        let base =
            FileManager.default.isWritableFile(atPath: memory)
            ? memory : FileManager.default.temporaryDirectory.path
        root = "\(base)/tokenward-journal-\(UUID().uuidString)"
        self.ring = ring
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    /// The journal's directory.
    var path: String { root + "/journal" }

    func open(
        _ path: String? = nil, ring: KeyRing? = nil, configuration: JournalConfiguration = Workbench.small,
        faults: DiskFaults = .none, now: @escaping @Sendable () -> Date = { Date() }
    ) throws -> FileJournal {
        try FileJournal(
            directory: path ?? self.path, ring: ring ?? self.ring, configuration: configuration, faults: faults,
            now: now)
    }

    /// What a process that was killed now would leave: a copy of the directory, in a place of its own.
    func killed() throws -> String {
        let copy = "\(root)/copy-\(UUID().uuidString)"
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        return copy
    }

    /// What a new process finds in a directory.
    func recovery(of path: String? = nil, ring: KeyRing? = nil) async throws -> JournalRecovery {
        let journal = try open(path, ring: ring)
        let recovery = try await journal.recover()
        await journal.close()
        return recovery
    }

    /// Lets the journal finish what it prepares ahead.
    static func rest(_ journal: FileJournal) async {
        for _ in 0..<8 { await journal.flush() }
    }

    /// The segment files in a directory, oldest first.
    func segments(in path: String? = nil) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path ?? self.path).filter { $0.hasSuffix(".segment") }
            .sorted().map { "\(path ?? self.path)/\($0)" }
    }
}

func key(_ channel: String, _ attempt: Int64) -> ClaimKey {
    ClaimKey(channelID: ChannelID(rawValue: channel), attempt: attempt)
}

/// An answer with something in every field.
func answer(_ channel: String = "ch", _ attempt: Int64 = 1, body: [UInt8] = Array("{}".utf8)) -> JournalAnswer {
    JournalAnswer(
        key: key(channel, attempt), tenantID: "tenant", provider: "shop", appID: "app", secretIndex: 1, grantID: 7,
        base: 6, requestedAt: Date(timeIntervalSinceReferenceDate: 812_345_678.123),
        presented: Credential(
            accessToken: Secret("access-canary"), refreshToken: Secret("refresh-canary"), tokenType: "Bearer",
            scopes: ["read", "write"], parameters: ["subdomain": "acme"]),
        catalogueRevision: "r1", status: 200, headers: [HeaderField("content-type", "application/json")], body: body,
        isCut: false, isOverLong: false)
}

extension FileJournal {
    /// Reserves and appends.
    func keep(_ answer: JournalAnswer) async throws {
        try await append(answer, using: reserve())
    }
}

/// A disk that fails when told to, and counts its steps.
final class FaultyDisk: Sendable {
    private let plan = Mutex<(failing: [DiskStep: (errno: Int32, times: Int)], counts: [DiskStep: Int])>(([:], [:]))

    /// Lets a step fail so many times.
    func fail(_ step: DiskStep, errno: Int32, times: Int = .max) {
        plan.withLock { $0.failing[step] = (errno, times) }
    }

    func heal() {
        plan.withLock { $0.failing = [:] }
    }

    func count(_ step: DiskStep) -> Int { plan.withLock { $0.counts[step] ?? 0 } }

    var faults: DiskFaults {
        DiskFaults { step in
            self.plan.withLock { plan in
                plan.counts[step, default: 0] += 1
                guard let failing = plan.failing[step], failing.times > 0 else { return nil }
                plan.failing[step]?.times -= 1
                return failing.errno
            }
        }
    }
}

/// A wall clock that a test moves.
final class TestClock: Sendable {
    private let offset = Mutex(0.0)

    func advance(hours: Double) {
        offset.withLock { $0 += hours * 3600 }
    }

    var now: @Sendable () -> Date { { Date().addingTimeInterval(self.offset.withLock { $0 }) } }
}
