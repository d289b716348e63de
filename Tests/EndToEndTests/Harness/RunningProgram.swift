import FoundationEssentials
import Glibc
import Subprocess
import Synchronization
import TestSupport

/// A started program: its output so far, signals to it, its end.
final class RunningProgram: Sendable {
    enum Stream { case output, errors }

    private struct State {
        var process: Int32?
        var output = ""
        var errors = ""
        var status: TerminationStatus?
        var failure: String?
    }

    struct CannotRun: Error, CustomStringConvertible { var description: String }

    let name: String
    private let state = Mutex(State())

    init(name: String) {
        self.name = name
    }

    /// What it wrote to standard output so far.
    var output: String { state.withLock { $0.output } }
    /// What it wrote to standard error so far: its log.
    var errors: String { state.withLock { $0.errors } }
    var text: String { state.withLock { $0.output + $0.errors } }
    var process: Int32? { state.withLock { $0.process } }
    var hasEnded: Bool { state.withLock { $0.status != nil } }

    /// `host:port` of the start line.
    ///
    /// - Throws: `NotInTime`, with what the program said instead.
    func address(within limit: Duration = .seconds(20)) async throws -> String {
        let found = try await eventual(within: limit, "`\(name)` says where it listens", evidence: { self.text }) {
            try check()
            let line = output.split(separator: "\n").first { $0.contains(" listens on http://") }
            if line == nil, hasEnded { return .some("") }
            return line?.split(separator: "/").last.map(String.init)
        }
        guard !found.isEmpty else { throw CannotRun(description: "`\(name)` ended instead of listening: \(text)") }
        return found
    }

    /// Returns when a line of either stream contains `part`.
    func says(_ part: String, within limit: Duration = .seconds(20)) async throws {
        try await eventually(within: limit, "`\(name)` says “\(part)”", evidence: { self.text }) {
            try check()
            return text.contains(part)
        }
    }

    /// Waits for its end.
    func end(within limit: Duration = .seconds(20)) async throws -> Ending {
        do {
            return try await eventual(within: limit, "`\(name)` ends", evidence: { self.text }) {
                try check()
                return state.withLock { state in
                    state.status.map { status in
                        let code: Int32? = if case .exited(let code) = status { code } else { nil }
                        return Ending(status: code, output: state.output, errors: state.errors)
                    }
                }
            }
        } catch {
            kill()
            throw error
        }
    }

    /// Asks it to stop, as an orchestrator does.
    func terminate() { send(SIGTERM) }

    /// Takes it away without a word, as the kernel does when memory is short.
    func kill() { send(SIGKILL) }

    /// Stops it in its tracks; ``resume()`` lets it go on.
    func freeze() { send(SIGSTOP) }
    func resume() { send(SIGCONT) }

    private func send(_ signal: Int32) {
        state.withLock { state in
            guard let process = state.process, state.status == nil else { return }
            _ = Glibc.kill(process, signal)
        }
    }

    private func check() throws {
        if let failure = state.withLock({ $0.failure }) { throw CannotRun(description: failure) }
    }

    func started(_ process: Int32) { state.withLock { $0.process = process } }
    func ended(_ status: TerminationStatus) { state.withLock { $0.status = status } }
    func failed(_ sentence: String) { state.withLock { $0.failure = sentence } }

    func read(_ bytes: SubprocessOutputSequence, as stream: Stream) async throws {
        for try await line in bytes.strings(bufferingPolicy: .maxLineLength(1 << 20)) {
            state.withLock { state in
                switch stream {
                case .output: state.output += line + "\n"
                case .errors: state.errors += line + "\n"
                }
            }
        }
    }
}
