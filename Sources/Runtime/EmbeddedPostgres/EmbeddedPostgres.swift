import FoundationEssentials
import POSIX

/// The PostgreSQL cluster in the data directory, for installations without a `DATABASE_URL`.
///
/// It answers on a Unix socket in a directory of its own that only its user may enter, so its roles need no password;
/// the role of the URI is no superuser. The server outlives a killed process of ours, and the next one takes it over.
package actor EmbeddedPostgres {
    /// What this process does with the cluster.
    package enum Use: Sendable {
        /// `serve`: one process at a time, keeps the server up.
        case serving
        /// A command: joins the running server or starts it for its own duration.
        case visiting
    }

    /// What happened to the server, for the log.
    package enum Event: Sendable, Equatable, CustomStringConvertible {
        case created(directory: String)
        case started(process: Int)
        /// It was running: another command's, or one that a killed process left behind.
        case joined(process: Int)
        case lost
        case restartFailed(String)
        case stopped
        /// Others use it, so it was left running.
        case left

        package var description: String {
            switch self {
            case .created(let directory): "created a cluster in \(directory)"
            case .started(let process): "started the server, process \(process)"
            case .joined(let process): "joined the running server, process \(process)"
            case .lost: "the server is gone, starting it again"
            case .restartFailed(let reason): "could not start the server again: \(reason)"
            case .stopped: "stopped the server"
            case .left: "left the server to the others that use it"
            }
        }
    }

    private let cluster: Cluster
    private let use: Use
    private let onEvent: @Sendable (Event) -> Void
    private var owner: LockFile?
    private var seat: LockFile?

    /// - Parameters:
    ///   - dataDirectory: absolute path, created (0700) when missing.
    ///   - debianRoot: where Debian's versions of the programs are.
    ///   - searchPath: directories with the programs of other installations, with colons.
    ///   - onEvent: called in order, from any thread.
    package init(
        dataDirectory: String, use: Use, debianRoot: String = "/usr/lib/postgresql", searchPath: String = "",
        onEvent: @escaping @Sendable (Event) -> Void = { _ in }
    ) {
        cluster = Cluster(home: dataDirectory, debianRoot: debianRoot, searchPath: searchPath)
        self.use = use
        self.onEvent = onEvent
    }

    /// Brings the cluster up, made first when there is none, and returns the libpq URI of its database.
    ///
    /// - Throws: ``EmbeddedPostgresError``, or `CancellationError`.
    package func start() async throws -> String {
        try own()
        do {
            try await transition {
                seat = try users.enter()
                try await bringUp()
            }
            return try SocketAddress.uri(socketDirectory: cluster.socketDirectory)
        } catch {
            await stop()
            throw error
        }
    }

    /// Keeps the server up until the task is cancelled: a server that died is started again, at most every 30 s.
    package func run() async {
        var failures = 0
        while !Task.isCancelled {
            try? await Task.sleep(for: failures == 0 ? .milliseconds(500) : .seconds(min(30, 1 << failures)))
            guard !Task.isCancelled, Postmaster.running(in: cluster.directory) == nil else { continue }
            if failures == 0 { onEvent(.lost) }
            do {
                try await transition { try await bringUp() }
                failures = 0
            } catch is CancellationError {
                return
            } catch {
                failures = min(failures + 1, 5)
                onEvent(.restartFailed("\(error)"))
            }
        }
    }

    /// Ends this process's use; the last user ends the server.
    ///
    /// Works in a cancelled task too.
    package func stop() async {
        guard let seat else {
            owner?.release()
            owner = nil
            return
        }
        self.seat = nil
        try? await transition {
            guard try !users.leave(seat) else { return onEvent(.left) }
            SocketAddress.forget(socketDirectory: cluster.socketDirectory)
            guard let running = Postmaster.running(in: cluster.directory) else { return }
            await running.stop(cluster: cluster.directory)
            onEvent(.stopped)
        }
        owner?.release()
        owner = nil
    }

    /// Runs `body` with the cluster up and ends the use afterwards.
    package func with<Result: Sendable>(_ body: @Sendable (String) async throws -> Result) async throws -> Result {
        let uri = try await start()
        do {
            let result = try await body(uri)
            await stop()
            return result
        } catch {
            await stop()
            throw error
        }
    }

    /// Creates the data directory and, for `serve`, takes it for this process alone.
    private func own() throws(EmbeddedPostgresError) {
        let path = cluster.home + "/serve.lock"
        do throws(SystemCallError) {
            try Directory.create(cluster.home, permissions: 0o700)
            if use == .serving, owner == nil { owner = try LockFile.acquire(path) }
        } catch {
            throw .directory(error)
        }
        guard use == .serving, owner == nil else { return }
        let holder = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
        throw .owned(directory: cluster.home, process: holder.flatMap { Int($0.trimmingWhitespace()) })
    }

    private var users: ClusterUsers { ClusterUsers(directory: cluster.home + "/postgres.users") }

    private func bringUp() async throws {
        if !cluster.exists {
            try await cluster.create()
            onEvent(.created(directory: cluster.directory))
        }
        let (process, wasRunning) = try await cluster.start()
        onEvent(wasRunning ? .joined(process: Int(process)) : .started(process: Int(process)))
    }

    /// Runs `body` while no other process makes, starts or stops the server.
    private func transition(_ body: () async throws -> Void) async throws {
        do {
            for _ in 0..<1500 {
                guard let lock = try LockFile.acquire(cluster.home + "/postgres.lock") else {
                    await Pause.uncancellable(.milliseconds(50))
                    continue
                }
                defer { lock.release() }
                return try await body()
            }
        } catch let error as SystemCallError {
            throw EmbeddedPostgresError.directory(error)
        }
        throw EmbeddedPostgresError.busy(directory: cluster.home)
    }
}
