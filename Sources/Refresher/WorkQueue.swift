import Domain
import Synchronization

/// Work that callers hand to `run()`'s tasks, so that a caller that leaves cuts nothing.
final class WorkQueue: Sendable {
    typealias Work = @Sendable () async -> Void

    static let countMax = 10_000

    private struct State {
        var waiting: [Work] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let signal = WakeSignal()

    /// False when the queue is full or closed: the work is not taken.
    func put(_ work: @escaping Work) -> Bool {
        let isTaken = state.withLock { state in
            guard !state.isClosed, state.waiting.count < Self.countMax else { return false }
            state.waiting.append(work)
            return true
        }
        if isTaken { signal.send() }
        return isTaken
    }

    /// Takes nothing more; what was taken is done.
    func close() {
        state.withLock { $0.isClosed = true }
        signal.send()
    }

    /// Does the work, each in a task of its own, until the queue is closed and all of it has ended.
    func run() async {
        await withDiscardingTaskGroup { group in
            while true {
                let (work, isClosed) = state.withLock { state in
                    defer { state.waiting = [] }
                    return (state.waiting, state.isClosed)
                }
                for work in work { group.addTask { await work() } }
                if isClosed { return }
                await signal.next()
                if Task.isCancelled { close() }
            }
        }
    }
}
