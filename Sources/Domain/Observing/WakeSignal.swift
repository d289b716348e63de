import Synchronization

/// Wakes one waiting loop; a signal sent while nobody waits is kept, several are one.
package final class WakeSignal: Sendable {
    private struct State {
        var isPending = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    package init() {}

    package func send() {
        let waiter = state.withLock { state in
            let waiter = state.waiter
            state.waiter = nil
            state.isPending = waiter == nil
            return waiter
        }
        waiter?.resume()
    }

    /// Returns at the next signal, after `timeout`, or when the task is cancelled; one loop waits at a time.
    package func wait(atMost timeout: Duration, clock: any LocalClock) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // A timer that ends in vain leaves at most one needless wake behind.
                if (try? await clock.sleep(for: timeout)) != nil { self.send() }
            }
            await next()
            group.cancelAll()
        }
    }

    /// Returns at the next signal, or when the task is cancelled.
    package func next() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDue = state.withLock { state in
                    if state.isPending || Task.isCancelled {
                        state.isPending = false
                        return true
                    }
                    state.waiter = continuation
                    return false
                }
                if isDue { continuation.resume() }
            }
        } onCancel: {
            send()
        }
    }
}
