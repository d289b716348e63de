/// Why a sandbox server does not run.
package enum SandboxError: Error, Equatable, CustomStringConvertible {
    case cannotListen(port: Int, reason: String)
    case notStarted

    package var description: String {
        switch self {
        case .cannotListen(let port, let reason):
            "the sandbox cannot listen on 127.0.0.1:\(port) (\(reason)): choose another port, or 0 for a free one"
        case .notStarted: "the sandbox server was run before it was started: call start() first"
        }
    }
}
