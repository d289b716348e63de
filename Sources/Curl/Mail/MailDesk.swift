import Synchronization
import Threads

/// Sends mails on threads that exist only while there are mails: so many at once, so many more waiting.
final class MailDesk: Sendable {
    private struct Submission {
        let mail: CurlMail
        let continuation: CheckedContinuation<CurlMailOutcome, Never>
    }

    private struct State {
        var waiting: [Submission] = []
        var threads = 0
        var isShutDown = false
        var onClosed: [CheckedContinuation<Void, Never>] = []
    }

    private let addresses: AddressGuard
    private let trust: CertificateBundle
    private let runningMax: Int
    private let waitingMax: Int
    private let state = Mutex(State())

    init(addresses: AddressGuard, trust: CertificateBundle, runningMax: Int, waitingMax: Int) {
        self.addresses = addresses
        self.trust = trust
        self.runningMax = runningMax
        self.waitingMax = waitingMax
    }

    func send(_ mail: CurlMail) async -> CurlMailOutcome {
        await withCheckedContinuation { submit(Submission(mail: mail, continuation: $0)) }
    }

    /// Refuses what waits and what comes.
    func shutDown() {
        let refused = state.withLock { state in
            state.isShutDown = true
            let refused = state.waiting
            state.waiting = []
            return refused
        }
        for submission in refused { submission.continuation.resume(returning: Self.shutDown) }
    }

    /// Returns when the last thread has freed what it had.
    func closed() async {
        await withCheckedContinuation { continuation in
            let isClosed = state.withLock { state in
                if state.threads == 0 { return true }
                state.onClosed.append(continuation)
                return false
            }
            if isClosed { continuation.resume() }
        }
    }

    private func submit(_ submission: Submission) {
        let (refusal, needsThread): (CurlMailOutcome?, Bool) = state.withLock { state in
            if state.isShutDown { return (Self.shutDown, false) }
            if state.threads < runningMax {
                state.threads += 1
                state.waiting.append(submission)
                return (nil, true)
            }
            guard state.waiting.count < waitingMax else {
                return (.notSent(message: "Too many mails wait already; try again later."), false)
            }
            state.waiting.append(submission)
            return (nil, false)
        }
        if let refusal { submission.continuation.resume(returning: refusal) }
        if needsThread { startThread(named: "curl-mail") { self.work() } }
    }

    /// Sends mail after mail until none waits.
    private func work() {
        blockSignals()
        while let submission = next() {
            sendBlocking(submission.mail, addresses: addresses, trust: trust) { outcome in
                submission.continuation.resume(returning: outcome)
            }
        }
    }

    /// The next mail; nil when this thread is to end.
    private func next() -> Submission? {
        let (submission, waiters): (Submission?, [CheckedContinuation<Void, Never>]) = state.withLock { state in
            if !state.waiting.isEmpty { return (state.waiting.removeFirst(), []) }
            state.threads -= 1
            guard state.threads == 0 else { return (nil, []) }
            let waiters = state.onClosed
            state.onClosed = []
            return (nil, waiters)
        }
        for waiter in waiters { waiter.resume() }
        return submission
    }

    private static let shutDown = CurlMailOutcome.notSent(message: "This client has been shut down.")
}
