import FoundationEssentials
import Subprocess

/// The programs of `Tests/Peers`: independent implementations that the product talks to.
enum Peers {
    struct Failed: Error, CustomStringConvertible { var description: String }

    private static let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
    private static let python = root + "/.venv/bin/python"

    /// Runs a script to its end; what it printed.
    ///
    /// - Throws: ``Failed`` with what it wrote to standard error.
    static func run(_ script: String, _ arguments: [String] = [], input: String = "") async throws -> String {
        try await output(python, ["\(root)/Tests/Peers/\(script)"] + arguments, input: input)
    }

    /// Runs any program to its end.
    ///
    /// - Throws: ``Failed``.
    static func output(_ program: String, _ arguments: [String], input: String = "") async throws -> String {
        let result = try await Subprocess.run(
            .name("env"), arguments: Arguments([program] + arguments), input: .string(input, using: UTF8.self),
            output: .string(limit: 16 << 20), error: .string(limit: 1 << 20))
        guard result.terminationStatus.isSuccess else {
            throw Failed(
                description: "\(program) \(arguments) ended with \(result.terminationStatus): \(result.standardError)")
        }
        return result.standardOutput
    }

    /// Runs `body` while a script that prints `{"port": N}` serves; the script is ended before this returns.
    static func serving<Answer: Sendable>(
        _ script: String, _ arguments: [String], _ body: (Int) async throws -> Answer
    ) async throws -> Answer {
        let program = RunningProgram(name: script)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    let result = try await Subprocess.run(
                        .name("env"), arguments: Arguments([python, "\(root)/Tests/Peers/\(script)"] + arguments),
                        input: .none, output: .sequence, error: .sequence
                    ) { execution in
                        program.started(execution.processIdentifier.value)
                        async let output: Void = program.read(execution.standardOutput, as: .output)
                        async let errors: Void = program.read(execution.standardError, as: .errors)
                        _ = try await (output, errors)
                    }
                    program.ended(result.terminationStatus)
                } catch {
                    program.failed("\(script) cannot be run with \(python) (make .venv/installed): \(error)")
                }
            }
            let outcome: Result<Answer, any Error>
            do {
                try await program.says("\"port\"")
                let line = program.output.split(separator: "\n").first.map(String.init) ?? ""
                guard let port = port(in: line) else { throw Failed(description: "\(script) told no port: \(line)") }
                outcome = .success(try await body(port))
            } catch {
                outcome = .failure(error)
            }
            program.kill()
            _ = try? await program.end(within: .seconds(5))
            group.cancelAll()
            return try outcome.get()
        }
    }

    private static func port(in line: String) -> Int? {
        (try? Value(parsing: line))?["port"]?.number.map { Int($0) }
    }
}

/// A certificate authority of one test and a server's certificate for loopback, made by `openssl`.
struct PeerCertificates: Sendable {
    /// What ``TOKENWARD_CA_FILE`` names.
    let authority: String
    let certificate: String
    let key: String

    /// - Parameter directory: exists and goes with the test.
    static func make(in directory: String) async throws -> PeerCertificates {
        let place = directory + "/tls"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let made = PeerCertificates(
            authority: place + "/ca.pem", certificate: place + "/server.pem", key: place + "/server.key")
        let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        try await openssl(
            ["req", "-x509", "-days", "2", "-subj", "/CN=Authority of a test"] + newKey
                + ["-keyout", place + "/ca.key", "-out", made.authority])
        try await openssl(
            ["req", "-subj", "/CN=localhost"] + newKey + ["-keyout", made.key, "-out", place + "/server.csr"])
        try Data("subjectAltName=DNS:localhost,IP:127.0.0.1\n".utf8).write(to: URL(filePath: place + "/names"))
        try await openssl([
            "x509", "-req", "-days", "2", "-in", place + "/server.csr", "-CA", made.authority, "-CAkey",
            place + "/ca.key", "-CAcreateserial", "-extfile", place + "/names", "-out", made.certificate,
        ])
        return made
    }

    private static func openssl(_ arguments: [String]) async throws {
        _ = try await Peers.output("/usr/bin/openssl", arguments)
    }

    /// One request to a server of this authority; the answer's status and body.
    ///
    /// - Parameters:
    ///   - form: makes it a POST.
    ///   - user: `name:password` for Basic authentication.
    func request(_ url: String, form: String? = nil, user: String? = nil) async throws -> (status: Int, json: Value) {
        let post = form == nil ? [] : ["--data-binary", "@-"]
        let text = try await Peers.output(
            "/usr/bin/curl",
            ["--silent", "--show-error", "--noproxy", "*", "--max-time", "15", "--cacert", authority]
                + ["--write-out", "\n%{http_code}"] + post + (user.map { ["--user", $0] } ?? []) + [url],
            input: form ?? "")
        let lines = text.split(separator: "\n")
        return (
            lines.last.flatMap { Int($0) } ?? 0,
            (try? Value(parsing: lines.dropLast().joined(separator: "\n"))) ?? .null
        )
    }
}
