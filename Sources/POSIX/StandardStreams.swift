import Glibc

/// The three streams a command is started with.
package enum StandardStreams {
    /// Whether people read the output.
    package static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Writes all of it to standard error; what cannot be written is dropped.
    package static func writeError(_ text: String) {
        write(Array(text.utf8), to: STDERR_FILENO)
    }

    /// Writes all of it to standard output at once, past any buffer.
    package static func writeOutput(_ text: String) {
        write(Array(text.utf8), to: STDOUT_FILENO)
    }

    /// All of standard input; empty when it is a terminal, nil when it is longer than `bytesMax`.
    package static func readInput(bytesMax: Int) -> [UInt8]? {
        guard isatty(STDIN_FILENO) != 1 else { return [] }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes {
                unsafe Glibc.read(STDIN_FILENO, $0.baseAddress, $0.count)
            }
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
            if bytes.count > bytesMax { return nil }
        }
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress?.advanced(by: written), bytes.count - written)
            }
            guard count > 0 else { return }
            written += count
        }
    }
}
