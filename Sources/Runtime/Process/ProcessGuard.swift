import POSIX

/// What every command does to its process before anything else.
package enum ProcessGuard {
    /// Broken pipes are errors, not deaths; no core dump and no debugger of another user sees a secret.
    package static func prepare() {
        CurrentProcess.ignoreBrokenPipes()
        // A kernel that refuses this is no reason not to run.
        try? CurrentProcess.protectMemory()
    }

    package static var isTerminal: Bool { StandardStreams.isTerminal }

    package static func writeError(_ text: String) { StandardStreams.writeError(text) }

    /// At once, also into a pipe: whoever started the program may wait for a line.
    package static func writeOutput(_ text: String) { StandardStreams.writeOutput(text) }

    /// What is piped in; nil when it is longer than `bytesMax`.
    package static func standardInput(bytesMax: Int) -> [UInt8]? {
        StandardStreams.readInput(bytesMax: bytesMax)
    }
}
