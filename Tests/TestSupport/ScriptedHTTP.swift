package import Domain
import Synchronization

/// An ``HTTPSending`` without a network: answers from a script and keeps what was sent.
package final class ScriptedHTTP: HTTPSending {
    /// One step of the script.
    package enum Answer: Sendable {
        case end(TransferEnd)
        /// Decides by the request; may wait, for instance for a ``TestSignal``.
        case reply(@Sendable (OutgoingRequest) async -> TransferEnd)
    }

    private struct State {
        var script: [Answer]
        var requests: [OutgoingRequest] = []
        var limits: [TransferLimits] = []
    }

    private let state: Mutex<State>
    private let otherwise: Answer

    /// Answers in the order of `script`, then `otherwise` for ever.
    package init(
        _ script: [Answer] = [],
        otherwise: Answer = .end(.notSent(code: "script", message: "The script of the test has ended."))
    ) {
        state = Mutex(State(script: script))
        self.otherwise = otherwise
    }

    /// Answers every request by `reply`.
    package convenience init(reply: @escaping @Sendable (OutgoingRequest) async -> TransferEnd) {
        self.init([], otherwise: .reply(reply))
    }

    /// Requests whose permit was given, in order.
    package var requests: [OutgoingRequest] { state.withLock { $0.requests } }
    package var limits: [TransferLimits] { state.withLock { $0.limits } }

    package func append(_ answers: Answer...) {
        state.withLock { $0.script += answers }
    }

    package func send(
        _ request: OutgoingRequest, limits: TransferLimits, permit: @escaping @Sendable () -> Bool
    ) async -> TransferEnd {
        guard permit() else { return .notSent(code: "permit", message: "The permit was refused.") }
        let answer = state.withLock { state in
            state.requests.append(request)
            state.limits.append(limits)
            return state.script.isEmpty ? otherwise : state.script.removeFirst()
        }
        switch answer {
        case .end(let end): return end
        case .reply(let reply): return await reply(request)
        }
    }
}

extension ScriptedHTTP.Answer {
    /// A whole answer with this status and body.
    package static func answered(
        _ status: Int, _ body: String = "", headers: [(String, String)] = [("content-type", "application/json")]
    ) -> Self {
        .end(
            .answered(
                IncomingResponse(
                    status: status, headers: headers.map { HeaderField($0.0, $0.1) }, body: Array(body.utf8))))
    }

    /// Request bytes left and no usable answer came.
    package static func lost(_ code: String = "56") -> Self {
        .end(.lost(code: code, message: "The connection was reset."))
    }
}
