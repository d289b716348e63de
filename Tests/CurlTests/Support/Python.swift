import Subprocess
import Testing

/// Runs a Python script that prints its port first and then serves; ends it after `body`.
func withPython<R: Sendable>(
    _ script: String, _ arguments: [String], body: @escaping @Sendable (Int) async throws -> R
) async throws -> R {
    try await run(
        .name("python3"), arguments: Arguments(["-u", "-c", script] + arguments), input: .none, output: .sequence,
        error: .currentStandardError
    ) { execution in
        var lines = execution.standardOutput.strings().makeAsyncIterator()
        let port = try #require(try await lines.next().flatMap { Int($0.filter(\.isNumber)) })
        let result: Result<R, any Error>
        do { result = .success(try await body(port)) } catch { result = .failure(error) }
        try execution.send(signal: .kill)
        return try result.get()
    }.closureResult
}
