import Synchronization

/// What a pool's `run()` has to do, in order.
///
/// Unlike an `AsyncStream` it goes on after the task is cancelled, because connections that are still in use then have
/// to be closed later.
final class PoolWork: Sendable {
    enum Item {
        case connect(PoolStateMachine<ContinuousClock.Instant>.ConnectionID)
        case close(PoolStateMachine<ContinuousClock.Instant>.ConnectionID, PostgresConnection)
        case wake(ContinuousClock.Instant)
        case finish
    }

    private struct State {
        var items: [Item] = []
        var reader: CheckedContinuation<Item, Never>?
    }

    private let state = Mutex(State())

    func add(_ item: Item) {
        let reader = state.withLock { state in
            let reader = state.reader
            state.reader = nil
            if reader == nil { state.items.append(item) }
            return reader
        }
        reader?.resume(returning: item)
    }

    /// The next item; one task reads at a time.
    func next() async -> Item {
        await withCheckedContinuation { continuation in
            let item: Item? = state.withLock { state in
                guard state.items.isEmpty else { return state.items.removeFirst() }
                state.reader = continuation
                return nil
            }
            if let item { continuation.resume(returning: item) }
        }
    }
}
