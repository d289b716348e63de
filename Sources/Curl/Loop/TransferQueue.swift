import CLibcurl
import Synchronization

/// A request on its way to the client's thread, and who waits for its end.
struct Submission: Sendable {
    let request: CurlRequest
    let permit: @Sendable () -> Bool
    let continuation: CheckedContinuation<CurlOutcome, Never>
}

/// The door between callers and the client's thread: a bounded queue, a wake-up, and the state of the shutdown.
final class TransferQueue: Sendable {
    private struct State {
        /// First in, first out: `first` is the next to leave.
        var waiting: [Submission] = []
        var first = 0
        var isSleeping = false
        var isShutDown = false
        /// Set for as long as `curl_multi_wakeup` may be called.
        var multi: MultiPointer?
        var onClosed: [CheckedContinuation<Void, Never>] = []

        var count: Int { waiting.count - first }
    }

    /// Crosses threads for curl_multi_wakeup alone, the one call libcurl allows from other threads.
    @safe private struct MultiPointer: @unchecked Sendable {
        let pointer: UnsafeMutableRawPointer
    }

    private let waitingMax: Int
    private let state: Mutex<State>

    init(waitingMax: Int, multi: UnsafeMutableRawPointer) {
        self.waitingMax = waitingMax
        let multi = unsafe MultiPointer(pointer: multi)
        state = Mutex(State(multi: multi))
    }

    /// Takes the submission, or ends it at once.
    func submit(_ submission: Submission) {
        let refusal: CurlOutcome? = state.withLock { state in
            if state.isShutDown { return Self.shutDown }
            if state.count >= waitingMax {
                return .notSent(code: "queue_full", message: "Too many requests wait already; try again later.")
            }
            state.waiting.append(submission)
            Self.wake(&state)
            return nil
        }
        if let refusal { submission.continuation.resume(returning: refusal) }
    }

    /// The next submissions, at most `count`.
    func take(_ count: Int) -> [Submission] {
        state.withLock { state in
            state.isSleeping = false
            let end = min(state.first + count, state.waiting.count)
            let taken = Array(state.waiting[state.first..<end])
            state.first = end
            if state.first == state.waiting.count {
                state.waiting.removeAll(keepingCapacity: state.waiting.count < 4096)
                state.first = 0
            } else if state.first >= 1024 {
                state.waiting.removeFirst(state.first)
                state.first = 0
            }
            return taken
        }
    }

    /// What the thread is to do next.
    ///
    /// After `.sleep` every submission wakes it.
    func next(hasFreeSlots: Bool, isIdle: Bool) -> Step {
        state.withLock { state in
            if state.isShutDown && isIdle { return .end }
            if hasFreeSlots && state.count > 0 { return .work }
            state.isSleeping = true
            return .sleep
        }
    }

    enum Step { case work, sleep, end }

    /// Refuses what waits and what comes; the thread ends when nothing is in flight any more.
    func shutDown() {
        let refused = state.withLock { state in
            let refused = state.waiting[state.first...]
            (state.waiting, state.first, state.isShutDown) = ([], 0, true)
            Self.wake(&state)
            return refused
        }
        for submission in refused { submission.continuation.resume(returning: Self.shutDown) }
    }

    /// Returns when the thread has ended and freed what it had.
    func closed() async {
        await withCheckedContinuation { continuation in
            let isClosed = state.withLock { state in
                if state.multi == nil { return true }
                state.onClosed.append(continuation)
                return false
            }
            if isClosed { continuation.resume() }
        }
    }

    /// From here on nobody touches the multi handle but `free`, which ends it.
    func close(freeing free: () -> Void) {
        // Under the lock, so that nobody wakes a handle that is being freed.
        let waiters = state.withLock { state in
            free()
            state.multi = nil
            let waiters = state.onClosed
            state.onClosed = []
            return waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    private static func wake(_ state: inout State) {
        guard state.isSleeping, let multi = state.multi else { return }
        state.isSleeping = false
        unsafe curl_multi_wakeup(multi.pointer)
    }

    private static let shutDown = CurlOutcome.notSent(code: "shut_down", message: "This client has been shut down.")
}
