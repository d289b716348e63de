import Domain
import FoundationEssentials
import POSIX

/// Owns the files of a journal; everything here runs on one thread, which may block.
final class JournalWriter {
    let core: JournalCore
    let directory: JournalDirectory
    let configuration: JournalConfiguration
    let faults: DiskFaults
    let now: @Sendable () -> Date
    let quarantine: QuarantineFolder

    var index = EntryIndex()
    /// The segment that is written; nil until the first is prepared and after one was given up.
    var active: SegmentFile?
    /// Prepared segments, in the order of their numbers.
    var spares: [SegmentFile] = []
    /// Segments whose space is set aside and that are not filled yet; they come after the spares.
    var allocated: [SegmentPreparation] = []
    var nextNumber: UInt64
    var nextSequence: UInt64 = 1
    /// Segments of ended processes are settled or known; before that nothing is removed.
    var isRecovered = false
    /// Why answers cannot be kept.
    var failure: String?
    /// Why no segment can be filled or no space set aside; no failure while there is room in what there is.
    var preparationFailure: String?
    var allocationFailure: String?
    var nextProbe = ContinuousClock.now
    /// Notes that are in no segment yet, and those that a failed sync would take along.
    var heldNotes = Notes()
    var unsyncedNotes = Notes()
    var quarantined: Int
    var report = JournalScanReport()
    var whenClosed: @Sendable () -> Void = {}

    /// Keys to be noted.
    struct Notes {
        var claims: [ClaimKey] = []
        var done: [ClaimKey] = []

        /// When the disk takes nothing, older claims are dropped beyond this: they only shorten the wait for a lease.
        static let claimsMax = 20_000

        var isEmpty: Bool { claims.isEmpty && done.isEmpty }

        mutating func append(claims: [ClaimKey], done: [ClaimKey]) {
            self.claims += claims
            self.done += done
            if self.claims.count > Self.claimsMax { self.claims.removeFirst(self.claims.count - Self.claimsMax) }
        }
    }

    init(
        core: JournalCore, directory: JournalDirectory, configuration: JournalConfiguration, faults: DiskFaults,
        firstNumber: UInt64, now: @escaping @Sendable () -> Date
    ) {
        self.core = core
        self.directory = directory
        self.configuration = configuration
        self.faults = faults
        self.now = now
        nextNumber = firstNumber
        quarantine = QuarantineFolder(journal: directory.path)
        quarantined = quarantine.names().count
    }

    /// The thread's body.
    func run() {
        while true {
            let work = core.nextWork(waitingAtMost: waitSeconds)
            if work.isAbandoned { return end(answering: work) }
            heldNotes.append(claims: work.claims, done: work.done)
            if !work.answers.isEmpty || !heldNotes.isEmpty { commit(work.answers) }
            for request in work.requests { request(self) }
            if work.isClosing { return close() }
            keepHouse()
        }
    }

    private var waitSeconds: Double {
        if isTroubled { return min(60, max(0, seconds(nextProbe - ContinuousClock.now))) }
        return needsSpare || needsSpace ? 0 : 60
    }

    /// Ends without a trace on the disk, as a kill would.
    private func end(answering work: JournalWork) {
        for segment in allocated { segment.abandon() }
        directory.release()
        for answer in work.answers { answer.waiter.resume(returning: .failure(.failed("The journal was dropped."))) }
        for request in work.requests { request(self) }
        whenClosed()
    }

    private func close() {
        // Notes that do not reach the disk are found out again at the next start.
        try? active?.synchronize()
        for segment in allocated { segment.abandon() }
        for spare in spares { try? Directory.removeFile(spare.path) }
        if let active {
            try? active.truncate()
            if index.segments[active.number]?.records == 0 { try? Directory.removeFile(active.path) }
        }
        try? Directory.synchronize(directory.path)
        directory.release()
        whenClosed()
    }

    /// Reservations that fit into the segments there are.
    var capacity: Int {
        // Space on a disk that does not fill it is not counted.
        let segments = spares.count + (preparationFailure == nil ? allocated.count : 0)
        return (active.map { configuration.slots(in: $0.bytesFree) } ?? 0) + segments * configuration.slotsPerSegment
    }

    func publish(written: Int = 0) {
        let failure = failure ?? (capacity == 0 ? preparationFailure ?? allocationFailure : nil)
        core.publish(
            capacity: capacity, comfort: comfort, written: written,
            standing: JournalStanding(
                openEntries: index.open.count, retainedEntries: index.retained, quarantinedEntries: quarantined,
                failure: failure))
    }

    func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    }
}
