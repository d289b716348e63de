import MicroHTTP
import Subprocess
import Synchronization
import Testing

/// Runs a server beside `body` and shuts it down after; returns when everything of the server is released.
func withServer<R: Sendable>(
    _ configuration: HTTPServerConfiguration = .init(),
    immediate: @escaping @Sendable (HTTPServerRequest) -> HTTPServerResponse? = { _ in nil },
    handler: @escaping @Sendable (HTTPServerRequest) async -> HTTPServerResponse = { describe($0) },
    body: @escaping @Sendable (HTTPServer) async throws -> R
) async throws -> R {
    let server = HTTPServer(configuration: configuration, immediate: immediate, handler: handler)
    try server.start()
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await server.run() }
        let result = await resultOf { try await body(server) }
        await server.shutdown()
        try await group.waitForAll()
        #expect(server.connectionsOpen == 0)
        #expect(server.handlersRunning == 0)
        return try result.get()
    }
}

private func resultOf<R>(_ body: () async throws -> R) async -> Result<R, any Error> {
    do { return .success(try await body()) } catch { return .failure(error) }
}

/// An answer that tells the client what the server understood.
func describe(_ request: HTTPServerRequest) -> HTTPServerResponse {
    let query = request.query.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
    let text = "\(request.method) \(request.path) [\(query)] \(request.body.count) \(request.remoteAddress)"
    return HTTPServerResponse(status: 200, headers: [("Content-Type", "text/plain")], body: Array(text.utf8))
}

/// Runs a Python script against the server's port and returns what it prints.
///
/// The script finds `port`, `connect()`, `read(socket)` (to the end or a reset), `ask(bytes)` (send, then read), and
/// `status(bytes)` (the answer's status, 0 for none).
func python(_ server: HTTPServer, _ script: String) async throws -> String {
    let prelude = """
        import select, socket, struct, sys, threading, time
        port = int(sys.argv[1])
        def connect(host="127.0.0.1"):
            s = socket.create_connection((host, port))
            s.settimeout(20)
            return s
        def read(s):
            data = b""
            try:
                while True:
                    piece = s.recv(65536)
                    if not piece: return data
                    data += piece
            except ConnectionError:
                return data
        def ask(raw, host="127.0.0.1"):
            s = connect(host)
            s.sendall(raw)
            return read(s)
        def status(data):
            return int(data.split()[1]) if data else 0

        """
    return try await output(of: "python3", ["-c", prelude + script, String(server.port)])
}

/// Runs curl, silent, and returns what it prints.
func curl(_ arguments: [String]) async throws -> String {
    try await output(of: "curl", ["--silent", "--show-error", "--noproxy", "*", "--max-time", "20"] + arguments)
}

private func output(of program: String, _ arguments: [String]) async throws -> String {
    let result = try await run(
        .name(program), arguments: Arguments(arguments), output: .string(limit: 1 << 20), error: .string(limit: 1 << 16)
    )
    #expect(result.terminationStatus.isSuccess, "\(program): \(result.standardError)")
    return result.standardOutput.split(separator: "\n").joined(separator: "\n")
}

/// Returns when the condition holds; fails the test when it does not within 20 s.
func eventually(
    _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () -> Bool
) async {
    let deadline = ContinuousClock.now + .seconds(20)
    while !condition() {
        guard ContinuousClock.now < deadline else {
            Issue.record(what, sourceLocation: sourceLocation)
            return
        }
        await Task.yield()
    }
}

/// Holds handlers until it is opened, whether they are cancelled or not.
final class Gate: Sendable {
    private let state = Mutex<(isOpen: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

    var isOpen: Bool { state.withLock { $0.isOpen } }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }
}

/// Returns when the task is cancelled.
func waitForCancellation() async {
    let gate = Gate()
    await withTaskCancellationHandler {
        await gate.wait()
    } onCancel: {
        gate.open()
    }
}
