import FoundationEssentials
import Glibc
import Postgres
import Subprocess
import TestSupport

/// A PostgreSQL cluster of one test, which the test may kill and start again.
struct FaultCluster: Sendable {
    struct CannotRun: Error, CustomStringConvertible { var description: String }

    let directory: String
    private let programs: String

    /// A superuser's URI, over the cluster's own socket.
    var uri: String { "postgresql://postgres@/postgres?host=\(directory)" }

    /// Runs `body` with a running cluster and takes it away afterwards.
    static func with<Value: Sendable>(_ body: @Sendable (FaultCluster) async throws -> Value) async throws -> Value {
        // Short: sockets have paths of at most 107 bytes.
        let directory = "/tmp/tokenward-pg-\(UUID().uuidString.prefix(8).lowercased())"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        let cluster = FaultCluster(directory: directory, programs: try newestPrograms())
        let outcome: Result<Value, any Error>
        do {
            if geteuid() == 0 { try await cluster.run("chown", "postgres", directory, asOwner: false) }
            try await cluster.run(
                cluster.programs + "/initdb", "-D", directory + "/data", "-U", "postgres", "-A", "trust", "-E", "UTF8",
                "--locale=C", "--no-sync")
            try await cluster.start()
            outcome = .success(try await body(cluster))
        } catch {
            outcome = .failure(error)
        }
        cluster.kill()
        try? await cluster.waitUntilGone()
        try? FileManager.default.removeItem(atPath: directory)
        return try outcome.get()
    }

    /// Starts the server and returns when it answers.
    ///
    /// Backends of a killed server may still be ending, so that it may take a few tries.
    func start() async throws {
        let options = "-k \(directory) -c listen_addresses='' -c fsync=off -c max_connections=60"
        try await eventually(within: .seconds(15), every: .milliseconds(200), "PostgreSQL starts", evidence: { log }) {
            do {
                try await run(
                    programs + "/pg_ctl", "-D", directory + "/data", "-l", directory + "/server.log", "-w", "-t", "10",
                    "-o", options, "start")
                return true
            } catch is CannotRun {
                return false
            }
        }
    }

    /// Stops it as a crash of one backend does: sessions are cut, nothing is written, recovery comes with the next start.
    func stopImmediately() async throws {
        try await run(programs + "/pg_ctl", "-D", directory + "/data", "-m", "immediate", "-w", "stop")
    }

    /// Kills the postmaster; its backends notice by themselves.
    func kill() {
        if let process = postmaster { _ = Glibc.kill(process, SIGKILL) }
    }

    func connect() async throws -> PostgresConnection {
        try await PostgresConnection.connect(PostgresConfiguration(uri: uri))
    }

    private func waitUntilGone() async throws {
        try await eventually(within: .seconds(5), "PostgreSQL is gone") {
            postmaster.map { Glibc.kill($0, 0) != 0 } ?? true
        }
    }

    private var postmaster: Int32? {
        let text = FileManager.default.contents(atPath: directory + "/data/postmaster.pid")
            .map { String(decoding: $0, as: UTF8.self) }
        return text?.split(separator: "\n").first.flatMap { Int32($0) }
    }

    private var log: String {
        String(decoding: FileManager.default.contents(atPath: directory + "/server.log") ?? Data(), as: UTF8.self)
    }

    /// The server refuses to run as root.
    private func run(_ command: String..., asOwner: Bool = true) async throws {
        let prefix =
            asOwner && geteuid() == 0
            ? ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups", "--"] : []
        let line = prefix + command
        let result = try await Subprocess.run(
            .name("env"), arguments: Arguments(line), environment: .custom(["PATH": "/usr/bin:/bin:/usr/sbin"]),
            output: .discarded, error: .discarded)
        guard result.terminationStatus.isSuccess else {
            throw CannotRun(description: "\(line.joined(separator: " ")): \(result.terminationStatus). \(log)")
        }
    }

    private static func newestPrograms() throws -> String {
        if let given = ProcessInfo.processInfo.environment["PG_BIN"], !given.isEmpty { return given }
        let root = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).compactMap { Int($0) }
        guard let newest = versions.max() else {
            throw CannotRun(description: "No PostgreSQL in \(root): install it, or set PG_BIN.")
        }
        return "\(root)/\(newest)/bin"
    }
}
