import Domain
import FoundationEssentials
import Glibc
import Journal
import Testing

@Suite("Disk faults")
struct FaultTests {
    private let bench = Workbench()
    private let disk = FaultyDisk()

    /// Tries until the journal has found out that the disk is well again.
    private func recovered(_ journal: FileJournal) async throws -> JournalReservation {
        for _ in 0..<100_000 {
            if let reservation = try? journal.reserve() { return reservation }
            await journal.flush()
        }
        return try journal.reserve()
    }

    @Test(arguments: [DiskStep.synchronizeRecords, .writeRecords])
    func `after one fault the answer is in another segment and the first is not touched again`(
        step: DiskStep
    ) async throws {
        let journal = try bench.open(faults: disk.faults)
        _ = try await journal.recover()
        try await journal.keep(answer("a", 1))
        disk.fail(step, errno: EIO, times: 1)
        try await journal.keep(answer("b", 2))
        let failed = try #require(try bench.segments().first)
        let before = FileManager.default.contents(atPath: failed)
        #expect(journal.standing().failure == nil)
        try await journal.keep(answer("c", 3))
        journal.noteDone([key("a", 1)])
        await journal.flush()
        #expect(FileManager.default.contents(atPath: failed) == before)
        #expect(try await bench.recovery(of: bench.killed()).answers.map(\.key.attempt) == [3, 2])
        await journal.close()
    }

    @Test func `after two faults the append throws, and the journal recovers by itself`() async throws {
        let journal = try bench.open(faults: disk.faults)
        _ = try await journal.recover()
        try await journal.keep(answer("a", 1))
        await Workbench.rest(journal)
        let (second, third) = (try journal.reserve(), try journal.reserve())
        disk.fail(.synchronizeRecords, errno: EIO, times: 2)
        disk.fail(.createSegment, errno: EIO)
        let thrown = await #expect(throws: JournalError.self) {
            try await journal.append(answer("b", 2), using: second)
        }
        guard case .failed(let sentence) = thrown else {
            Issue.record("\(String(describing: thrown))")
            return
        }
        #expect(sentence.contains("fdatasync") && sentence.contains("Input/output error"))
        #expect(journal.standing().failure != nil)
        #expect(throws: JournalError.self) { try journal.reserve() }
        await #expect(throws: JournalError.self) { try await journal.append(answer("c", 3), using: third) }
        journal.noteDone([key("a", 1)])

        disk.heal()
        try await journal.append(answer("d", 4), using: recovered(journal))
        #expect(journal.standing().failure == nil)
        await journal.flush()
        let answers = try await bench.recovery(of: bench.killed()).answers.map(\.key.attempt)
        #expect(answers.contains(4) && !answers.contains(1))
        await journal.close()
    }

    @Test(arguments: [(DiskStep.createSegment, ENOSPC), (.zeroSegment, ENOSPC), (.synchronizeSegment, EROFS)])
    func `a full or read-only disk at the start is told, not fatal`(step: DiskStep, errno: Int32) async throws {
        disk.fail(step, errno: errno)
        let journal = try bench.open(faults: disk.faults)
        #expect(try await journal.recover() == JournalRecovery())
        let failure = try #require(journal.standing().failure)
        #expect(failure.contains(errno == ENOSPC ? "No space left" : "Read-only"))
        #expect(throws: JournalError.self) { try journal.reserve() }
        disk.heal()
        journal.release(try await recovered(journal))
        #expect(journal.standing().failure == nil)
        await journal.close()
    }

    @Test func `a disk that fills up stops reservations, never an answer that has one`() async throws {
        let journal = try bench.open(faults: disk.faults)
        _ = try await journal.recover()
        await journal.flush()
        disk.fail(.createSegment, errno: ENOSPC)
        var kept = 0
        while let reservation = try? journal.reserve() {
            kept += 1
            try await journal.append(
                answer("ch\(kept)", Int64(kept), body: [UInt8](repeating: 1, count: 400)), using: reservation)
        }
        #expect(kept > 10)
        await journal.flush()
        #expect(journal.standing().openEntries == kept)
        disk.heal()
        try await journal.append(answer("last", 1000), using: recovered(journal))
        await journal.close()
        #expect(try await bench.recovery().answers.count == kept + 1)
    }

    @Test func `an entry stays open when the disk does not take its quarantine file`() async throws {
        let journal = try bench.open(faults: disk.faults)
        _ = try await journal.recover()
        try await journal.keep(answer("a", 1))
        disk.fail(.writeQuarantine, errno: ENOSPC, times: 1)
        await journal.quarantine(key("a", 1), because: "refused")
        #expect(journal.standing().openEntries == 1)
        await journal.quarantine(key("a", 1), because: "refused")
        #expect(journal.standing().openEntries == 0)
        #expect(journal.standing().quarantinedEntries == 1)
        await journal.close()
    }

    @Test func `a directory that cannot be made is named`() throws {
        let error = #expect(throws: JournalError.self) { try bench.open("/proc/tokenward/journal") }
        guard case .failed(let sentence) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(sentence.contains("/proc/tokenward"))
    }
}
