import FoundationEssentials
import Synchronization

/// What a sink keeps: the last 1,000 messages and the refusals that wait.
final class SinkLog: Sendable {
    static let messagesMax = 1_000

    private struct State {
        var messages: [SinkMessage] = []
        var received = 0
        var attempts = 0
        var refusal: SinkRefusal?
        /// Nil: for ever.
        var refusalsLeft: Int? = 0
    }

    private let state = Mutex(State())
    private let broadcast = Broadcast<SinkMessage>(bound: messagesMax)
    private let printer: (@Sendable (String) -> Void)?
    let now: @Sendable () -> Date

    init(printer: (@Sendable (String) -> Void)?, now: @escaping @Sendable () -> Date) {
        self.printer = printer
        self.now = now
    }

    var messages: [SinkMessage] { state.withLock { $0.messages } }
    var received: Int { state.withLock { $0.received } }
    var attempts: Int { state.withLock { $0.attempts } }

    func stream() -> AsyncStream<SinkMessage> { broadcast.stream() }
    func finish() { broadcast.finish() }

    func refuse(_ refusal: SinkRefusal, times: Int?) {
        state.withLock {
            $0.refusal = refusal
            $0.refusalsLeft = times
        }
    }

    func accept() {
        state.withLock { $0.refusalsLeft = 0 }
    }

    /// Counts an attempt; the refusal to answer it with, if one waits.
    func takeRefusal() -> SinkRefusal? {
        state.withLock { state in
            state.attempts += 1
            guard let left = state.refusalsLeft else { return state.refusal }
            guard left > 0 else { return nil }
            state.refusalsLeft = left - 1
            return state.refusal
        }
    }

    func record(_ message: SinkMessage) {
        state.withLock { state in
            state.received += 1
            if state.messages.count == Self.messagesMax { state.messages.removeFirst() }
            state.messages.append(message)
        }
        broadcast.publish(message)
        printer?(message.pretty)
    }
}

extension SinkRefusal {
    func answer(json: Bool) -> WireAnswer {
        var answer =
            json
            ? WireAnswer(status: status, contentType: "application/json; charset=utf-8", body: body)
            : .text(body, status: status)
        if hangs { answer.delivery = .hanging }
        if let retryAfterSeconds { answer.headers.append(("Retry-After", "\(retryAfterSeconds)")) }
        return answer
    }
}
