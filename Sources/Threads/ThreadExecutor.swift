import Dispatch
import Glibc
import Synchronization

/// Runs an actor's jobs one after another on a thread of its own, where they may block.
///
/// The owner calls ``stop()`` once; an actor does so in its `isolated deinit`. Until then the thread, and with it this
/// object, stays alive. A job that comes after the thread has ended is still run, on a new thread.
package final class ThreadExecutor: SerialExecutor {
    private struct State {
        var queue: [UnownedJob] = []
        var hasThread = true
        var isStopping = false
        var thread: pthread_t?
    }

    private let name: String
    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)

    /// Starts the thread.
    ///
    /// - Parameter name: what `top -H` and debuggers show; Linux keeps 15 bytes of it.
    package init(name: String = "executor") {
        self.name = name
        startThread(named: name) { self.loop() }
    }

    /// Lets the thread end when the jobs queued so far are done.
    ///
    /// Callable from any thread, also from a job.
    package func stop() {
        state.withLock { $0.isStopping = true }
        wake.signal()
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let needsThread = state.withLock { state in
            state.queue.append(job)
            let needsThread = !state.hasThread
            state.hasThread = true
            return needsThread
        }
        if needsThread { startThread(named: name) { self.loop() } }
        wake.signal()
    }

    package func checkIsolated() {
        precondition(isIsolatingCurrentContext() == true, "Not on the thread of executor \(name).")
    }

    package func isIsolatingCurrentContext() -> Bool? {
        let thread = state.withLock { $0.thread }
        return thread.map { pthread_equal($0, pthread_self()) != 0 } ?? false
    }

    private func loop() {
        state.withLock { $0.thread = pthread_self() }
        while let jobs = nextJobs() {
            for job in jobs { unsafe job.runSynchronously(on: asUnownedSerialExecutor()) }
        }
    }

    /// Waits for jobs; nil when there are none left and the thread is to end.
    private func nextJobs() -> [UnownedJob]? {
        while true {
            let (jobs, isDone) = state.withLock { state in
                let jobs = state.queue
                state.queue = []
                let isDone = jobs.isEmpty && state.isStopping
                if isDone {
                    state.hasThread = false
                    state.thread = nil
                }
                return (jobs, isDone)
            }
            if isDone { return nil }
            if !jobs.isEmpty { return jobs }
            wake.wait()
        }
    }
}
