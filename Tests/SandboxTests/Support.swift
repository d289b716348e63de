import Domain
import FlyingSocks
import FoundationEssentials
import Synchronization

@testable import Sandbox

/// Runs a sandbox for the length of a test.
func withSandbox<R: Sendable>(
    _ sandbox: SandboxProvider = SandboxProvider(), _ body: @Sendable (SandboxProvider) async throws -> R
) async throws -> R {
    try await sandbox.start()
    async let running: Void = sandbox.run()
    do {
        let result = try await body(sandbox)
        sandbox.stop()
        try await running
        return result
    } catch {
        sandbox.stop()
        throw error
    }
}

/// A raw socket to a loopback port that speaks HTTP/1.1 by hand.
struct RawClient: Sendable {
    let socket: AsyncSocket

    init(port: Int) async throws {
        socket = try await AsyncSocket.connected(to: .inet(ip4: "127.0.0.1", port: UInt16(port)))
    }

    func close() { try? socket.close() }

    func send(_ text: String) async throws {
        try await socket.write(Data(text.utf8))
    }

    func line() async throws -> String {
        var bytes: [UInt8] = []
        while bytes.last != UInt8(ascii: "\n") { bytes.append(try await socket.read()) }
        return String(decoding: bytes.dropLast(bytes.suffix(2).first == 13 ? 2 : 1), as: UTF8.self)
    }

    /// Everything until the other side closes.
    func rest() async throws -> [UInt8] {
        var bytes: [UInt8] = []
        do {
            while true { bytes += try await socket.read(atMost: 4096) }
        } catch SocketError.disconnected {
            return bytes
        }
    }

    /// Whether nothing can be read now.
    var isSilent: Bool {
        do {
            _ = try socket.socket.read(atMost: 1)
            return false
        } catch SocketError.blocked {
            return true
        } catch {
            return false
        }
    }

    func answer() async throws -> RawAnswer {
        let first = try await line()
        var headers: [String: String] = [:]
        while true {
            let line = try await line()
            guard !line.isEmpty else { break }
            let parts = line.split(separator: ":", maxSplits: 1).map { trimmed($0) }
            headers[parts[0].lowercased()] = parts[1]
        }
        let length = Int(headers["content-length"] ?? "") ?? 0
        let body = try await socket.read(bytes: length)
        return RawAnswer(status: Int(first.split(separator: " ")[1]) ?? 0, headers: headers, body: body)
    }

    func request(
        _ method: String, _ target: String, headers: [String: String] = [:], body: String = ""
    ) async throws -> RawAnswer {
        try await sendRequest(method, target, headers: headers, body: body)
        return try await answer()
    }

    func sendRequest(
        _ method: String, _ target: String, headers: [String: String] = [:], body: String = ""
    ) async throws {
        let lines = headers.map { "\($0.key): \($0.value)\r\n" }.joined()
        let length = body.isEmpty ? "" : "Content-Length: \(body.utf8.count)\r\n"
        try await send("\(method) \(target) HTTP/1.1\r\nHost: 127.0.0.1\r\n\(lines)\(length)\r\n\(body)")
    }
}

struct RawAnswer: Sendable {
    var status: Int
    var headers: [String: String]
    var body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
    var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }

    /// The value at a dotted path, as text.
    func value(_ path: String) -> String? {
        path.split(separator: ".").reduce(Optional(json)) { $0?[String($1)] }?.scalar
    }
}

/// The refresh request of each platform, as its catalogue entry makes it.
func refreshRequest(
    _ key: SandboxGrantKey, _ credential: Secret, app: SandboxApp? = nil
) -> (method: String, target: String, headers: [String: String], body: String) {
    let app = app ?? SandboxProvider.defaultApp(key.provider)
    let id = app.clientID
    let secret = app.clientSecrets[0].reveal()
    let token = percentEncoded(credential.reveal())
    let form = ["Content-Type": "application/x-www-form-urlencoded"]
    let path = "/\(key.provider.rawValue)"
    switch key.provider {
    case .oauth2, .youtube, .googleAds:
        return (
            "POST", path + "/token", form,
            "grant_type=refresh_token&refresh_token=\(token)&client_id=\(id)&client_secret=\(secret)"
        )
    case .facebook, .facebookAds, .whatsapp:
        return (
            "GET",
            path + "/v23.0/oauth/access_token?grant_type=fb_exchange_token&client_id=\(id)&client_secret=\(secret)"
                + "&fb_exchange_token=\(token)", [:], ""
        )
    case .instagram:
        return ("GET", path + "/refresh_access_token?grant_type=ig_refresh_token&access_token=\(token)", [:], "")
    case .tiktok:
        return (
            "POST", path + "/v2/oauth/token/", form,
            "client_key=\(id)&client_secret=\(secret)&grant_type=refresh_token&refresh_token=\(token)"
        )
    case .tiktokLegacy:
        return (
            "POST",
            path + "/oauth/refresh_token/?client_key=\(id)&grant_type=refresh_token&refresh_token=\(token)", [:], ""
        )
    case .tiktokShop:
        return (
            "GET",
            path + "/api/v2/token/refresh?app_key=\(id)&app_secret=\(secret)&refresh_token=\(token)"
                + "&grant_type=refresh_token", [:], ""
        )
    case .amocrm, .kommo:
        let body: JSONValue = [
            "client_id": .string(id), "client_secret": .string(secret), "grant_type": "refresh_token",
            "refresh_token": .string(credential.reveal()), "redirect_uri": "https://platform.test/callback",
        ]
        return (
            "POST", path + "/\(key.account)/oauth2/access_token", ["Content-Type": "application/json"], body.text
        )
    }
}

extension SandboxPair {
    var presented: Secret { refresh ?? access }
}

extension RawClient {
    /// Refreshes as the platform's catalogue entry would.
    func refresh(_ key: SandboxGrantKey, _ credential: Secret, app: SandboxApp? = nil) async throws -> RawAnswer {
        let request = refreshRequest(key, credential, app: app)
        return try await self.request(request.method, request.target, headers: request.headers, body: request.body)
    }

    func sendRefresh(_ key: SandboxGrantKey, _ credential: Secret) async throws {
        let request = refreshRequest(key, credential)
        try await sendRequest(request.method, request.target, headers: request.headers, body: request.body)
    }
}

/// A clock that stands still until it is advanced.
final class StillClock: Clock, Sendable {
    struct Instant: InstantProtocol {
        var offset: Duration
        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private struct Sleeper {
        var id: Int
        var end: Instant
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now = Instant(offset: .zero)
        var sleepers: [Sleeper] = []
        var lastID = 0
        var cancelled: Set<Int> = []
    }

    private let state = Mutex(State())
    private let fallsAsleep: AsyncStream<Void>
    private let falling: AsyncStream<Void>.Continuation

    init() {
        (fallsAsleep, falling) = AsyncStream.makeStream()
    }

    var now: Instant { state.withLock { $0.now } }
    var minimumResolution: Duration { .zero }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isOver = state.withLock { state -> Bool in
                    if state.cancelled.remove(id) != nil || deadline <= state.now { return true }
                    state.sleepers.append(Sleeper(id: id, end: deadline, continuation: continuation))
                    return false
                }
                if isOver { continuation.resume() } else { falling.yield() }
            }
        } onCancel: {
            let sleeper = state.withLock { state -> Sleeper? in
                guard let index = state.sleepers.firstIndex(where: { $0.id == id }) else {
                    state.cancelled.insert(id)
                    return nil
                }
                return state.sleepers.remove(at: index)
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Waits until somebody sleeps.
    func waitForSleeper() async {
        for await _ in fallsAsleep { return }
    }

    func advance(by duration: Duration) {
        let woken = state.withLock { state -> [Sleeper] in
            state.now = state.now.advanced(by: duration)
            let now = state.now
            let woken = state.sleepers.filter { $0.end <= now }
            state.sleepers.removeAll { $0.end <= now }
            return woken
        }
        for sleeper in woken { sleeper.continuation.resume() }
    }
}
