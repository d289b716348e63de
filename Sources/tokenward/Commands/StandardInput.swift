import FoundationEssentials
import Runtime

/// What is piped into a command; nothing when standard input is a terminal.
enum StandardInput {
    static func read(bytesMax: Int) throws -> [UInt8] {
        guard let bytes = ProcessGuard.standardInput(bytesMax: bytesMax) else {
            throw CommandFailure(status: 2, sentence: "Standard input holds more than \(bytesMax) bytes.")
        }
        return bytes
    }
}
