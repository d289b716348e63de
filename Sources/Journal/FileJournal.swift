package import Domain
package import FoundationEssentials
import POSIX
package import Sealing
import Threads

/// The journal on a local disk (PROTOCOL §5): sealed answers in preallocated segments, synced by group.
///
/// One thread of its own writes; callers never touch the disk. The owner calls ``close()`` once; a journal that is dropped
/// without it ends like a killed process, and the next one settles it.
package final class FileJournal: AnswerJournal {
    private let core: JournalCore
    private let ring: KeyRing
    private let directory: JournalDirectory
    /// The first segment of this process: those before are of ended ones.
    private let firstNumber: UInt64

    /// Opens the journal in a directory that is held; its first segment is prepared behind the caller's back.
    ///
    /// - Parameters:
    ///   - faults: lets tests fail the disk.
    ///   - now: the clock of retention; tests move it.
    /// - Throws: ``JournalError/failed(_:)`` when the directory cannot be used.
    package init(
        directory: JournalDirectory, ring: KeyRing, configuration: JournalConfiguration = JournalConfiguration(),
        faults: DiskFaults = .none, now: @escaping @Sendable () -> Date = { Date() }
    ) throws(JournalError) {
        self.directory = directory
        self.ring = ring
        do throws(SystemCallError) {
            firstNumber = (try SegmentName.numbers(in: directory.path).last ?? 0) + 1
            try JournalDirectory.removeUnfinished(in: directory.path)
        } catch {
            throw .failed(error.description)
        }
        let core = JournalCore()
        self.core = core
        let firstNumber = firstNumber
        startThread(named: "journal") {
            JournalWriter(
                core: core, directory: directory, configuration: configuration, faults: faults,
                firstNumber: firstNumber, now: now
            ).run()
        }
    }

    /// Opens the journal in a directory, which is created (0700) if need be.
    ///
    /// - Throws: ``JournalError/locked(_:)`` with the path when another process holds it, ``JournalError/failed(_:)``.
    package convenience init(
        directory path: String, ring: KeyRing, configuration: JournalConfiguration = JournalConfiguration(),
        faults: DiskFaults = .none, now: @escaping @Sendable () -> Date = { Date() }
    ) throws(JournalError) {
        try self.init(
            directory: try JournalDirectory(path), ring: ring, configuration: configuration, faults: faults, now: now)
    }

    deinit {
        _ = core.close(isAbandoned: true)
    }

    /// Takes the first free one of `journal-0`, `journal-1` … under `root`, so that several local processes can each have
    /// one.
    ///
    /// What ended processes left in the others is moved into it and comes with ``recover()``.
    package static func claimDirectory(under root: String) throws(JournalError) -> JournalDirectory {
        try JournalDirectory.claim(under: root)
    }

    /// The lasting identity of this journal, for the database's `replica` table.
    package var id: UUID { directory.id }

    /// Identities of journals whose entries were moved into this one: their `replica` rows have nothing open any more.
    package var adopted: [UUID] { directory.adopted }

    /// Where the segments lie.
    package var path: String { directory.path }

    package func reserve() throws(JournalError) -> JournalReservation { try core.reserve() }

    package func release(_ reservation: JournalReservation) { core.release(reservation) }

    package func noteClaims(_ keys: [ClaimKey]) { core.note(claims: keys) }

    package func noteDone(_ keys: [ClaimKey]) { core.note(done: keys) }

    package func standing() -> JournalStanding { core.standing() }

    package func append(_ answer: JournalAnswer, using reservation: JournalReservation) async throws(JournalError) {
        let entry: AnswerRecord
        do throws(SealingError) {
            entry = try AnswerRecord(sealing: answer, with: ring)
        } catch {
            core.release(reservation)
            throw .failed(error.description)
        }
        var flags: Record.Flags = []
        if answer.isCut { flags.insert(.cut) }
        if answer.isOverLong { flags.insert(.overLong) }
        let type: RecordType = answer.key.authorizationID == nil ? .answer : .exchange
        let record = Record(type, flags: flags, body: entry.body)
        try await core.append(record, key: answer.key, using: reservation).get()
    }

    package func recover() async throws(JournalError) -> JournalRecovery {
        let (ring, firstNumber) = (ring, firstNumber)
        let result = await core.perform { writer in
            writer.isRecovered ? .success(JournalRecovery()) : writer.recover(before: firstNumber, ring: ring)
        }
        guard let result else { throw .failed("The journal is closed: the process is ending.") }
        return try result.get()
    }

    package func quarantine(_ key: ClaimKey, because sentence: String) async {
        _ = await core.perform { $0.quarantine(key, because: sentence) }
    }

    /// What `recover` met in the segments of ended processes.
    package func scanReport() async -> JournalScanReport {
        await core.perform { $0.report } ?? JournalScanReport()
    }

    /// Returns when everything handed over so far is in its segment and one pass of tidying is done.
    package func flush() async {
        _ = await core.perform { writer in
            writer.commit([])
            writer.keepHouse()
        }
    }

    /// Writes and syncs everything that was handed over, gives unused space back, and releases the lock.
    ///
    /// Appends after it throw. A second call returns at once.
    package func close() async {
        await withCheckedContinuation { waiter in
            if !core.close(whenDone: { waiter.resume() }) { waiter.resume() }
        }
    }

    /// The retained answers, settled or not, newest first: after a restore of the database they are stored again.
    ///
    /// Passes over what does not open. Reads the segments on a thread of its own.
    ///
    /// - Parameter newest: at most this many.
    package func retainedAnswers(newest: Int = .max) async -> [JournalAnswer] {
        let numbers = await core.perform { writer in
            writer.index.segments.filter { $0.value.answers > 0 }.keys.sorted(by: >)
        }
        let (ring, path) = (ring, directory.path)
        return await onThread(named: "journal-read") {
            RetainedAnswers(segments: numbers ?? [], directory: path, ring: ring).newest(newest)
        }
    }
}
