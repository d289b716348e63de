import Dispatch
import Domain
import Synchronization

/// An answer on its way to the writer, and who waits for it.
struct PendingAnswer: Sendable {
    let key: ClaimKey
    let record: Record
    let waiter: CheckedContinuation<Result<Void, JournalError>, Never>
}

/// What the writer takes at a time.
struct JournalWork: Sendable {
    var answers: [PendingAnswer] = []
    var claims: [ClaimKey] = []
    var done: [ClaimKey] = []
    var requests: [@Sendable (JournalWriter) -> Void] = []
    var isClosing = false
    /// Nobody holds the journal any more: end without writing.
    var isAbandoned = false
}

/// What callers and the writer's thread share: queues, reservations, counters.
final class JournalCore: Sendable {
    private struct State {
        var work = JournalWork()
        var isWoken = false
        var isClosed = false
        var reservations: Set<UInt64> = []
        var nextReservation: UInt64 = 1
        /// Answers that were handed over and do not lie in a segment yet.
        var unwritten = 0
        /// Reservations that fit into the segments there are.
        var capacity = 0
        /// From this many reservations on, the writer is to set more space aside.
        var comfort = Int.max
        var standing = JournalStanding(openEntries: 0, retainedEntries: 0, quarantinedEntries: 0, failure: nil)
    }

    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    private static let closed = JournalError.failed("The journal is closed: the process is ending.")

    // MARK: Callers

    func reserve() throws(JournalError) -> JournalReservation {
        let (result, needsMore) = state.withLock { state -> (Result<JournalReservation, JournalError>, Bool) in
            if state.isClosed { return (.failure(Self.closed), false) }
            if let failure = state.standing.failure { return (.failure(.failed(failure)), false) }
            let promised = state.reservations.count + state.unwritten
            guard promised < state.capacity else { return (.failure(.full), true) }
            let id = state.nextReservation
            state.nextReservation += 1
            state.reservations.insert(id)
            return (.success(JournalReservation(id: id)), promised + 1 >= state.comfort)
        }
        if needsMore { signal() }
        return try result.get()
    }

    func release(_ reservation: JournalReservation) {
        state.withLock { _ = $0.reservations.remove(reservation.id) }
    }

    /// Hands an answer over; resumes when it is on the disk or cannot be kept.
    func append(
        _ record: Record, key: ClaimKey, using reservation: JournalReservation
    ) async -> Result<Void, JournalError> {
        await withCheckedContinuation { waiter in
            let isClosed = state.withLock { state in
                state.reservations.remove(reservation.id)
                guard !state.isClosed else { return true }
                state.unwritten += 1
                state.work.answers.append(PendingAnswer(key: key, record: record, waiter: waiter))
                return false
            }
            if isClosed { waiter.resume(returning: .failure(Self.closed)) } else { signal() }
        }
    }

    func note(claims: [ClaimKey] = [], done: [ClaimKey] = []) {
        guard !claims.isEmpty || !done.isEmpty else { return }
        state.withLock {
            $0.work.claims += claims
            $0.work.done += done
        }
        signal()
    }

    func standing() -> JournalStanding { state.withLock { $0.standing } }

    /// Runs `body` on the writer's thread; nil when the journal is closed.
    func perform<Value: Sendable>(_ body: @escaping @Sendable (JournalWriter) -> Value) async -> Value? {
        await withCheckedContinuation { waiter in
            let isClosed = state.withLock { state in
                guard !state.isClosed else { return true }
                state.work.requests.append { waiter.resume(returning: body($0)) }
                return false
            }
            if isClosed { waiter.resume(returning: nil) } else { signal() }
        }
    }

    /// Lets the writer write everything that was handed over, and end; at once when `isAbandoned`.
    ///
    /// - Parameter whenDone: runs on the writer's thread at its end; not at all when the journal was closed before.
    /// - Returns: whether this call closed the journal.
    func close(isAbandoned: Bool = false, whenDone: @escaping @Sendable () -> Void = {}) -> Bool {
        let isFirst = state.withLock { state in
            guard !state.isClosed else { return false }
            state.isClosed = true
            state.work.isClosing = true
            state.work.isAbandoned = isAbandoned
            state.work.requests.append { $0.whenClosed = whenDone }
            return true
        }
        signal()
        return isFirst
    }

    private func signal() {
        let isFirst = state.withLock { state in
            defer { state.isWoken = true }
            return !state.isWoken
        }
        if isFirst { wake.signal() }
    }

    // MARK: The writer's thread

    /// Waits at most `seconds` for work and takes all there is.
    func nextWork(waitingAtMost seconds: Double) -> JournalWork {
        if seconds > 0 { _ = wake.wait(timeout: .now() + seconds) }
        return state.withLock { state in
            state.isWoken = false
            defer {
                state.work = JournalWork()
                state.work.isClosing = state.isClosed
            }
            return state.work
        }
    }

    /// Reservations given out and answers handed over: what the segments must have room for.
    func slotsPromised() -> Int { state.withLock { $0.reservations.count + $0.unwritten } }

    /// Publishes what the writer did, before anyone who waits for it goes on.
    func publish(capacity: Int, comfort: Int, written: Int, standing: JournalStanding) {
        state.withLock {
            $0.capacity = capacity
            $0.comfort = comfort
            $0.unwritten -= written
            $0.standing = standing
        }
    }
}
