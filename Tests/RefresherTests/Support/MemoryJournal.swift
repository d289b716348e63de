import Domain
import Synchronization

/// What several processes' journals leave on one disk.
final class JournalDisk: Sendable {
    struct State: Sendable {
        var answers: [(process: Int, answer: JournalAnswer)] = []
        var claims: [(process: Int, key: ClaimKey)] = []
        var done: Set<ClaimKey> = []
        var quarantined: [ClaimKey: String] = [:]
    }

    let state = Mutex(State())

    var openAnswers: [JournalAnswer] {
        state.withLock { state in
            state.answers.map(\.answer).filter { !state.done.contains($0.key) && state.quarantined[$0.key] == nil }
        }
    }

    /// Every key for which an answer was ever kept.
    var answeredKeys: Set<ClaimKey> { state.withLock { Set($0.answers.map(\.answer.key)) } }
    var quarantined: [ClaimKey: String] { state.withLock { $0.quarantined } }
}

/// One process's journal over a disk; notes ride with the next synced answer, and a crash loses the others.
final class MemoryJournal: AnswerJournal {
    private struct State: Sendable {
        var isDead = false
        var isFailing = false
        var isUnreadable = false
        var slotsMax = 1000
        var reserved: Set<UInt64> = []
        var nextID: UInt64 = 0
        var heldClaims: [ClaimKey] = []
        var heldDone: [ClaimKey] = []
        var appends = 0
    }

    let disk: JournalDisk
    private let process: Int
    private let state = Mutex(State())

    init(disk: JournalDisk, process: Int) {
        self.disk = disk
        self.process = process
    }

    func setFailing(_ isFailing: Bool) { state.withLock { $0.isFailing = isFailing } }
    func setUnreadable(_ isUnreadable: Bool) { state.withLock { $0.isUnreadable = isUnreadable } }
    func setSlots(_ count: Int) { state.withLock { $0.slotsMax = count } }

    /// - Parameter keepsNotes: whether the kernel wrote what was not synced.
    func crash(keepsNotes: Bool) {
        if keepsNotes { flushNotes() }
        state.withLock { $0.isDead = true }
    }

    /// The orderly end.
    func close() { flushNotes() }

    var appends: Int { state.withLock { $0.appends } }
    var reserved: Int { state.withLock { $0.reserved.count } }

    private func flushNotes() {
        let notes = state.withLock { state -> (claims: [ClaimKey], done: [ClaimKey])? in
            guard !state.isDead else { return nil }
            defer { (state.heldClaims, state.heldDone) = ([], []) }
            return (state.heldClaims, state.heldDone)
        }
        guard let notes else { return }
        disk.state.withLock { disk in
            disk.claims += notes.claims.map { (process, $0) }
            disk.done.formUnion(notes.done)
        }
    }

    func reserve() throws(JournalError) -> JournalReservation {
        let result: Result<JournalReservation, JournalError> = state.withLock { state in
            if state.isDead || state.isFailing { return .failure(.failed("the disk is gone")) }
            guard state.reserved.count < state.slotsMax else { return .failure(.full) }
            state.nextID += 1
            state.reserved.insert(state.nextID)
            return .success(JournalReservation(id: state.nextID))
        }
        return try result.get()
    }

    func release(_ reservation: JournalReservation) { state.withLock { _ = $0.reserved.remove(reservation.id) } }

    func noteClaims(_ keys: [ClaimKey]) { state.withLock { $0.heldClaims += keys } }

    func noteDone(_ keys: [ClaimKey]) { state.withLock { $0.heldDone += keys } }

    func append(_ answer: JournalAnswer, using reservation: JournalReservation) async throws(JournalError) {
        let isKept = state.withLock { state in
            guard state.reserved.remove(reservation.id) != nil else { return false }
            guard !state.isDead, !state.isFailing else { return false }
            state.appends += 1
            return true
        }
        guard isKept else { throw .failed("the disk is gone") }
        disk.state.withLock { $0.answers.append((process, answer)) }
        flushNotes()
    }

    func recover() async throws(JournalError) -> JournalRecovery {
        if state.withLock({ $0.isUnreadable || $0.isDead }) { throw .failed("the directory cannot be read") }
        return disk.state.withLock { disk in
            let answers = disk.answers.filter {
                $0.process != process && !disk.done.contains($0.answer.key) && disk.quarantined[$0.answer.key] == nil
            }.map(\.answer)
            let answered = Set(disk.answers.map(\.answer.key))
            let claims = disk.claims.filter {
                $0.process != process && !disk.done.contains($0.key) && !answered.contains($0.key)
            }.map(\.key)
            return JournalRecovery(
                answers: answers.sorted { $0.key.attempt > $1.key.attempt },
                claims: claims.sorted { $0.attempt > $1.attempt })
        }
    }

    func quarantine(_ key: ClaimKey, because sentence: String) async {
        guard !state.withLock({ $0.isDead }) else { return }
        disk.state.withLock { $0.quarantined[key] = sentence }
    }

    func standing() -> JournalStanding {
        JournalStanding(
            openEntries: disk.openAnswers.count, retainedEntries: 0, quarantinedEntries: disk.quarantined.count,
            failure: state.withLock { $0.isFailing } ? "the disk is gone" : nil)
    }
}
