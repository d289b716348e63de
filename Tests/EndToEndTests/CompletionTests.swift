import FoundationEssentials
import Subprocess
import Testing

/// The completions that docs/operations.md speaks of, each loaded by its own shell.
@Suite("Completions")
struct CompletionTests {
    @Test(arguments: [
        ("bash", ["-n"], "complete -p tokenward"),
        ("zsh", ["-n"], "autoload -U compinit; compinit -D; whence -w _tokenward"),
        ("fish", ["--no-execute"], "complete -C 'tokenward prov'"),
    ])
    func `a shell loads its script and knows the commands`(shell: String, check: [String], question: String)
        async throws
    {
        let made = try await Program.run(["--generate-completion-script", shell])
        #expect(made.status == 0 && made.errors.isEmpty, "\(made.errors)")
        for command in ["serve", "channels", "doctor", "providers"] { #expect(made.output.contains(command)) }
        let path = "/tmp/tokenward-e2e-\(UUID().uuidString.prefix(8).lowercased()).\(shell)"
        try Data(made.output.utf8).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let parsed = try await run(shell, check + [path])
        #expect(parsed.status == 0 && parsed.errors.isEmpty, "\(parsed)")
        let loaded = try await run(shell, ["-c", "source \(path); \(question)"])
        #expect(loaded.status == 0 && loaded.output.contains(shell == "fish" ? "providers" : "_tokenward"), "\(loaded)")
    }

    private func run(_ program: String, _ arguments: [String]) async throws -> Ending {
        let directory = Program.path.split(separator: "/").dropLast().map { "/" + $0 }.joined()
        let search = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let result = try await Subprocess.run(
            .name(program), arguments: Arguments(arguments),
            environment: .inherit.updating(["PATH": directory + ":" + search]), output: .string(limit: 65_536),
            error: .string(limit: 65_536))
        var status: Int32?
        if case .exited(let code) = result.terminationStatus { status = code }
        return Ending(status: status, output: result.standardOutput, errors: result.standardError)
    }
}
