import FoundationEssentials
import Subprocess
import Synchronization

/// How a process ended, with everything it wrote.
struct Ending: Sendable, CustomStringConvertible {
    /// Nil when a signal ended it.
    var status: Int32?
    var output: String
    var errors: String

    /// Both streams, for searches.
    var text: String { output + errors }

    var description: String {
        "status \(status.map(String.init) ?? "none (a signal)"), output:\n\(output)errors:\n\(errors)"
    }
}

/// The program under test as its users run it.
enum Program {
    /// From `TOKENWARD_BINARY`, else beside the tests, else of the package's debug build.
    static let path: String = {
        let given = ProcessInfo.processInfo.environment["TOKENWARD_BINARY"] ?? ""
        if !given.isEmpty { return given }
        let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let beside = tests.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/tokenward"
        if FileManager.default.isExecutableFile(atPath: beside) { return beside }
        let root = #filePath.split(separator: "/").dropLast(4).map { "/" + $0 }.joined()
        return root + "/.build/debug/tokenward"
    }()

    private static let name = path.split(separator: "/").last.map(String.init) ?? "tokenward"

    /// Nothing of the test's own environment but the search path reaches the program, which stands first in it.
    static func environment(_ settings: [String: String]) -> [String: String] {
        let directory = path.split(separator: "/").dropLast().map { "/" + $0 }.joined()
        let search = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return ["PATH": directory + ":" + search, "HOME": "/nonexistent"].merging(settings) { _, new in new }
    }

    /// Runs a command to its end; it is killed when its time is over.
    ///
    /// - Throws: when the binary cannot be started.
    static func run(
        _ arguments: [String], settings: [String: String] = [:], input: String = "",
        within limit: Duration = .seconds(20)
    ) async throws -> Ending {
        try await start(arguments, settings: settings, input: input) { try await $0.end(within: limit) }
    }

    /// Runs `body` while the program runs; the program is killed and reaped before this returns.
    ///
    /// - Throws: what `body` throws; when the binary cannot be started.
    static func start<Value: Sendable>(
        _ arguments: [String], settings: [String: String] = [:], input: String = "",
        _ body: (RunningProgram) async throws -> Value
    ) async throws -> Value {
        let program = RunningProgram(name: "tokenward " + arguments.joined(separator: " "))
        let environment = Dictionary(
            uniqueKeysWithValues: environment(settings).map { (Environment.Key(stringLiteral: $0.key), $0.value) })
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    let result = try await Subprocess.run(
                        .name(name), arguments: Arguments(arguments), environment: .custom(environment),
                        input: .string(input, using: UTF8.self), output: .sequence, error: .sequence
                    ) { execution in
                        program.started(execution.processIdentifier.value)
                        async let output: Void = program.read(execution.standardOutput, as: .output)
                        async let errors: Void = program.read(execution.standardError, as: .errors)
                        _ = try await (output, errors)
                    }
                    program.ended(result.terminationStatus)
                } catch {
                    program.failed("\(path) cannot be run: \(error)")
                }
            }
            let outcome: Result<Value, any Error>
            do { outcome = .success(try await body(program)) } catch { outcome = .failure(error) }
            program.kill()
            // Whoever else holds its pipes open must not hold the test.
            _ = try? await program.end(within: .seconds(5))
            group.cancelAll()
            return try outcome.get()
        }
    }
}
