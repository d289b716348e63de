import FoundationEssentials
import POSIX

/// The files of the embedded cluster and the steps that make and start it.
struct Cluster: Sendable {
    /// The program's data directory.
    let home: String
    /// Where Debian's versions are, and the search path for others.
    let debianRoot: String
    let searchPath: String

    var directory: String { home + "/postgres" }
    var socketDirectory: String { directory + "/socket" }

    /// The role and the database of the application; the role is no superuser.
    static let role = "tokenward"

    /// Settings that do not depend on the machine; they win over the cluster's own files at every start.
    private static let settings = [
        // No network at all: whoever reaches the socket has passed the directory's permissions.
        "listen_addresses=", "unix_socket_directories=socket", "unix_socket_permissions=0700", "port=5432",
        // A week of logs, overwritten day by day, without the text of statements.
        "logging_collector=on", "log_directory=log", "log_filename=server-%a.log", "log_truncate_on_rotation=on",
        "log_rotation_age=1440", "log_rotation_size=0", "log_min_error_statement=panic", "log_checkpoints=off",
        "password_encryption=scram-sha-256",
    ]

    var exists: Bool { FileManager.default.fileExists(atPath: directory + "/PG_VERSION") }

    /// Makes the cluster beside its place and moves it there complete, so that an interrupted start leaves none.
    func create() async throws(EmbeddedPostgresError) {
        guard let programs = PostgresPrograms.installed(debianRoot: debianRoot, path: searchPath).first else {
            throw .programsMissing
        }
        let user = try ServerUser.forNewCluster()
        let command = ServerCommand(user: user)
        let fresh = directory + ".new"
        do {
            if FileManager.default.fileExists(atPath: fresh) { try FileManager.default.removeItem(atPath: fresh) }
            try Directory.create(fresh, permissions: 0o700)
            if case .other(let user, let group) = user {
                try FileManager.default.setAttributes(
                    [.ownerAccountID: Int(user), .groupOwnerAccountID: Int(group)], ofItemAtPath: fresh)
            }
        } catch let error as SystemCallError {
            throw .directory(error)
        } catch {
            throw .creation("\(fresh) could not be prepared, \(error)")
        }
        let made = try await command.run(
            programs.initdb,
            [
                "-D", ServerCommand.directory, "--encoding=UTF8", "--locale=C.UTF-8", "--auth=trust",
                "--username=postgres", "--no-instructions",
            ], in: fresh)
        guard made.isGood else { throw .creation(Cluster.reason(in: made.output)) }
        let filled = try await command.run(
            "/bin/sh",
            [
                "-c", "mkdir -m 700 \"$1/socket\" && exec \"$0\" --single -D \"$1\" postgres", programs.server,
                ServerCommand.directory,
            ], in: fresh,
            input: """
                CREATE ROLE \(Cluster.role) LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
                CREATE DATABASE \(Cluster.role) OWNER \(Cluster.role);

                """)
        guard filled.isGood, !filled.output.contains("ERROR:") else {
            throw .creation(Cluster.reason(in: filled.output))
        }
        do throws(SystemCallError) {
            try Directory.rename(fresh, to: directory)
            try Directory.synchronize(home)
        } catch {
            throw .directory(error)
        }
    }

    /// Brings the server up, or takes over the one that runs; returns its process and whether it was running before.
    func start() async throws -> (process: Int32, wasRunning: Bool) {
        let user = try ServerUser.owning(directory)
        // Joining needs no programs.
        if let running = try await settled() { return (running.process, true) }
        let programs = try await programsForExisting(user)
        for attempt in 1... {
            let startLog = directory + "/start.log"
            try? Directory.removeFile(startLog)
            let started = try await ServerCommand(user: user).run(
                programs.control,
                [
                    "start", "-D", ServerCommand.directory, "-w", "-t", "120", "-s", "-l",
                    ServerCommand.directory + "/start.log", "-o",
                    Cluster.settings.map { "-c \($0)" }.joined(separator: " "),
                ], in: directory)
            if let running = try await settled() { return (running.process, !started.isGood) }
            // The children of a killed server need a moment to notice that it is gone.
            guard attempt < 20 else { throw EmbeddedPostgresError.start(startFailure(started.output)) }
            try await Task.sleep(for: .milliseconds(250))
        }
        throw EmbeddedPostgresError.start("it was not tried")
    }

    /// The running server once it is ready; nil when none runs.
    private func settled() async throws -> Postmaster? {
        for _ in 0..<6000 {
            guard let running = Postmaster.running(in: directory) else { return nil }
            if running.state == .ready { return running }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw EmbeddedPostgresError.start("it runs but has not become ready for two minutes, see \(directory)/log")
    }

    /// The programs of the version that made the cluster.
    private func programsForExisting(_ user: ServerUser) async throws(EmbeddedPostgresError) -> PostgresPrograms {
        let version = FileManager.default.contents(atPath: directory + "/PG_VERSION")
        guard let version, let major = PostgresPrograms.major(in: String(decoding: version, as: UTF8.self)) else {
            throw .foreignFiles(directory: directory)
        }
        let installed = PostgresPrograms.installed(debianRoot: debianRoot, path: searchPath)
        guard !installed.isEmpty else { throw .programsMissing }
        for programs in installed {
            if programs.major == major { return programs }
            guard programs.major == nil else { continue }
            let told = try await ServerCommand(user: user).run(programs.server, ["--version"], in: directory)
            if told.isGood, PostgresPrograms.major(in: told.output) == major { return programs }
        }
        throw .versionMissing(major: major, directory: home)
    }

    private func startFailure(_ output: String) -> String {
        let log = FileManager.default.contents(atPath: directory + "/start.log")
        let text = log.map { String(decoding: $0, as: UTF8.self) } ?? ""
        return Cluster.reason(in: text.isEmpty ? output : text)
    }

    /// The line of a program's output that says why, without its time stamp, at most 300 characters.
    static func reason(in output: String) -> String {
        let lines = output.split(separator: "\n").map { $0.trimmingWhitespace() }.filter { !$0.isEmpty }
        let words = ["FATAL:", "PANIC:", "ERROR:", "error:"]
        let line = lines.last { line in words.contains { line.contains($0) } } ?? lines.last ?? "it gave no reason"
        let start = words.compactMap { line.firstRange(of: $0)?.upperBound }.min() ?? line.startIndex
        var text = String(line[start...].trimmingWhitespace().prefix(300))
        while text.hasSuffix(".") { text.removeLast() }
        return text
    }
}
