import Foundation
import Glibc
import Runtime
import Subprocess
import Synchronization
import Testing

/// A data directory of one test, with a way to look into its database; nothing of it is left afterwards.
struct ClusterHome: Sendable {
    let path: String

    /// Runs `body` with a fresh data directory below a directory that only this user may enter.
    static func with(
        name: String = "data", _ body: @Sendable (ClusterHome) async throws -> Void
    ) async throws {
        let parent = "/tmp/tokenward-test-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(
            atPath: parent, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        let home = ClusterHome(path: parent + "/" + name)
        let result: Result<Void, any Error>
        do { result = .success(try await body(home)) } catch { result = .failure(error) }
        if let process = home.postmaster { _ = kill(process, SIGKILL) }
        try? FileManager.default.removeItem(atPath: parent)
        try result.get()
    }

    /// The process in the cluster's `postmaster.pid`.
    var postmaster: Int32? {
        let text = try? String(contentsOfFile: path + "/postgres/postmaster.pid", encoding: .utf8)
        return text?.split(separator: "\n").first.flatMap { Int32($0) }
    }

    func cluster(
        _ use: EmbeddedPostgres.Use = .serving, debianRoot: String = "/usr/lib/postgresql", events: Events = Events()
    ) -> EmbeddedPostgres {
        EmbeddedPostgres(dataDirectory: path, use: use, debianRoot: debianRoot, onEvent: events.add)
    }

    /// The unaligned output of one statement, run by PostgreSQL's own client.
    func query(_ uri: String, _ sql: String) async throws -> String {
        let result = try await Subprocess.run(
            .name("psql"), arguments: ["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", uri, "-c", sql],
            environment: .custom(["PATH": "/usr/bin:/bin"]), output: .string(limit: 65_536),
            error: .string(limit: 65_536))
        guard result.terminationStatus.isSuccess else { throw QueryError(text: result.standardError) }
        return result.standardOutput.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Expects one statement's answer.
    func expect(
        _ uri: String, _ sql: String, _ answer: String, at location: SourceLocation = #_sourceLocation
    ) async throws {
        let given = try await query(uri, sql)
        #expect(given == answer, sourceLocation: location)
    }

    struct QueryError: Error { let text: String }
}

/// What a cluster told, in order; a test may wait for a later one.
final class Events: Sendable {
    private let state = Mutex<[EmbeddedPostgres.Event]>([])
    private let stream: AsyncStream<EmbeddedPostgres.Event>
    private let continuation: AsyncStream<EmbeddedPostgres.Event>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream()
    }

    var all: [EmbeddedPostgres.Event] { state.withLock { $0 } }

    @Sendable func add(_ event: EmbeddedPostgres.Event) {
        state.withLock { $0.append(event) }
        continuation.yield(event)
    }

    /// The process of the next start from the events not yet waited for.
    func nextStart() async -> Int? {
        for await event in stream {
            if case .started(let process) = event { return process }
        }
        return nil
    }
}
