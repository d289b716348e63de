import Dispatch
import Domain
import FoundationEssentials
import Journal
import Synchronization
import Testing

/// Holds the first sync until so many appends have begun.
private final class Turnstile: Sendable {
    private let begun = Mutex(0)
    private let gate = DispatchSemaphore(value: 0)
    private let expected: Int
    private let syncs = Mutex(0)

    init(expected: Int) {
        self.expected = expected
    }

    func begin() {
        let count = begun.withLock {
            $0 += 1
            return $0
        }
        if count == expected { gate.signal() }
    }

    var faults: DiskFaults {
        DiskFaults { step in
            guard step == .synchronizeRecords else { return nil }
            let count = self.syncs.withLock {
                $0 += 1
                return $0
            }
            if count == 1 { self.gate.wait() }
            return nil
        }
    }

    var syncCount: Int { syncs.withLock { $0 } }
}

@Suite("Groups")
struct GroupTests {
    private let bench = Workbench()

    @Test func `what arrives during a sync shares the next one`() async throws {
        let count = 400
        let turnstile = Turnstile(expected: count)
        let configuration = JournalConfiguration(segmentBytes: 1 << 20, slotBytes: 1 << 10, reservationsReady: 400)
        let journal = try bench.open(configuration: configuration, faults: turnstile.faults)
        _ = try await journal.recover()
        try await withThrowingTaskGroup { group in
            for attempt in 1...count {
                let reservation = try journal.reserve()
                group.addTask {
                    turnstile.begin()
                    try await journal.append(answer("ch\(attempt)", Int64(attempt)), using: reservation)
                }
            }
            try await group.waitForAll()
        }
        #expect(turnstile.syncCount <= 8)
        #expect(journal.standing().openEntries == count)
        #expect(try await bench.recovery(of: bench.killed()).answers.count == count)
        await journal.close()
    }

    @Test func `no acknowledgement without a sync, no sync for notes alone`() async throws {
        let disk = FaultyDisk()
        let journal = try bench.open(faults: disk.faults)
        _ = try await journal.recover()
        for attempt in 1...5 {
            try await journal.keep(answer("ch", Int64(attempt)))
            #expect(disk.count(.synchronizeRecords) == attempt)
        }
        journal.noteClaims([key("ch", 6)])
        journal.noteDone([key("ch", 1)])
        await journal.flush()
        #expect(disk.count(.writeRecords) >= 6)
        #expect(disk.count(.synchronizeRecords) == 5)
        await journal.close()
        #expect(disk.count(.synchronizeRecords) == 6)
    }

    @Test func `groups flow over many segments`() async throws {
        let journal = try bench.open()
        _ = try await journal.recover()
        try await withThrowingTaskGroup { group in
            for task in 0..<8 {
                group.addTask {
                    for step in 0..<40 {
                        let key = Int64(task * 1000 + step + 1)
                        var reservation = try? journal.reserve()
                        while reservation == nil {
                            await journal.flush()
                            reservation = try? journal.reserve()
                        }
                        guard let reservation else { continue }
                        journal.noteClaims([ClaimKey(channelID: "c", attempt: key)])
                        try await journal.append(answer("c", key), using: reservation)
                        if step % 2 == 0 { journal.noteDone([ClaimKey(channelID: "c", attempt: key)]) }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try bench.segments().count > 4)
        await journal.close()
        let recovery = try await bench.recovery()
        #expect(recovery.answers.count == 160)
        #expect(recovery.claims.isEmpty)
        #expect(recovery.quarantined.isEmpty)
    }

    @Test func `space for the transfers in flight is there from the start`() async throws {
        var configuration = Workbench.small
        configuration.reservationsReady = 40
        let journal = try bench.open(configuration: configuration)
        _ = try await journal.recover()
        let reservations = try (0..<40).map { _ in try journal.reserve() }
        for (index, reservation) in reservations.enumerated() {
            try await journal.append(
                answer("ch\(index)", 1, body: [UInt8](repeating: 1, count: 500)), using: reservation)
        }
        #expect(try await bench.recovery(of: bench.killed()).answers.count == 40)
        await journal.close()
        #expect(try !FileManager.default.contentsOfDirectory(atPath: bench.path).contains { $0.hasSuffix(".new") })
    }

    @Test func `reservations never promise more than there is`() async throws {
        let journal = try bench.open()
        _ = try await journal.recover()
        var reservations: [JournalReservation] = []
        // Segments are prepared ahead until there are as many as allowed.
        for _ in 0..<200 {
            if let reservation = try? journal.reserve() {
                reservations.append(reservation)
            } else {
                await journal.flush()
            }
        }
        #expect((15...60).contains(reservations.count))
        #expect(throws: JournalError.full) { try journal.reserve() }
        journal.release(reservations.removeLast())
        reservations.append(try journal.reserve())
        journal.noteClaims((1...300).map { key("some-channel", $0) })
        for (index, reservation) in reservations.enumerated() {
            try await journal.append(
                answer("ch\(index)", 1, body: [UInt8](repeating: 1, count: 500)), using: reservation)
        }
        await journal.close()
        let recovery = try await bench.recovery()
        #expect(recovery.answers.count == reservations.count)
    }
}
