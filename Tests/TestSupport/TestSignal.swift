import Synchronization

/// Lets one part of a test wait for another: each ``send()`` lets one ``wait()`` through, now or later.
package final class TestSignal: Sendable {
    private struct State {
        var sent = 0
        var nextID = 0
        var waiters: [(id: Int, continuation: CheckedContinuation<Void, any Error>)] = []
    }

    private let state = Mutex(State())

    package init() {}

    package func send() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, any Error>? in
            guard state.waiters.isEmpty else { return state.waiters.removeFirst().continuation }
            state.sent += 1
            return nil
        }
        waiter?.resume()
    }

    /// Returns after one `send()`.
    ///
    /// - Throws: `CancellationError` when the task is cancelled first.
    package func wait() async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome = state.withLock { state -> Result<Void, any Error>? in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if state.sent > 0 {
                        state.sent -= 1
                        return .success(())
                    }
                    state.waiters.append((id, continuation))
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0).continuation }
            }
            waiter?.resume(throwing: CancellationError())
        }
    }
}
