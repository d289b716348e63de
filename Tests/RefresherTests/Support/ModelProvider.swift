import Domain
import FoundationEssentials
import Synchronization

/// A provider with strict single-use refresh tokens, which misbehaves as a test says.
///
/// Tokens are `rt.<grant>.<number>` and `at.<grant>.<number>`; the grant is the channel's id.
final class ModelProvider: Sendable {
    /// What happens to one request.
    enum Conduct: Sendable {
        case answer
        case refuse(status: Int, body: String, headers: [HeaderField] = [])
        /// The request leaves and is not acted upon; its answer never comes.
        case loseRequest
        /// It is acted upon, and the answer is lost.
        case loseAnswer
        /// It is acted upon; the answer breaks off after so many bytes.
        case cut(Int)
        case notSent
        /// A 2xx without a refresh token, though the old one is spent.
        case omitRefreshToken
    }

    struct Presentation: Sendable {
        var grant: String
        var token: String
        var at: ContinuousClock.Instant
        var end: ContinuousClock.Instant?
        var wasAnswered = false
        var isSpent: Bool
    }

    private struct Grant: Sendable {
        var number = 1
        var isRevoked = false
    }

    private struct State: Sendable {
        var grants: [String: Grant] = [:]
        var presentations: [Presentation] = []
        var inFlight = 0
        var inFlightMax = 0
        var revocations: [String] = []
        var revocationFaults = 0
        var inspections: [String] = []
        var lookups = 0
    }

    let clock: Simulation
    /// Whether a spent refresh token is refused; class-free providers take every token for ever.
    let isStrict: Bool
    private let expiresIn: Int
    private let state = Mutex(State())
    private let conduct = Hook<String, Conduct> { _ in .answer }
    private let inspection = Hook<String, IncomingResponse> { _ in IncomingResponse(status: 404) }
    private let whereabouts = Hook<String, IncomingResponse> { _ in IncomingResponse(status: 404) }
    private let tellsExpiry = Mutex(true)
    private let latency = Hook<String, Duration> { _ in .milliseconds(100) }

    init(clock: Simulation, isStrict: Bool = true, expiresIn: Int = 3600) {
        self.clock = clock
        self.isStrict = isStrict
        self.expiresIn = expiresIn
    }

    /// - Parameter new: what to do with a request of this grant.
    func setConduct(_ new: @escaping @Sendable (String) -> Conduct) { conduct.set(new) }
    /// - Parameter new: what is said of this access token.
    func setInspection(_ new: @escaping @Sendable (String) -> IncomingResponse) { inspection.set(new) }
    /// - Parameter new: where the account of this refresh token is said to be.
    func setWhereabouts(_ new: @escaping @Sendable (String) -> IncomingResponse) { whereabouts.set(new) }
    var lookups: Int { state.withLock { $0.lookups } }
    func setTellsExpiry(_ tells: Bool) { tellsExpiry.withLock { $0 = tells } }
    func setLatency(_ new: @escaping @Sendable (String) -> Duration) { latency.set(new) }
    func latency(of grant: String) -> Duration { latency(grant) }
    func conduct(for grant: String) -> Conduct { conduct(grant) }

    func revoke(_ grant: String) { state.withLock { $0.grants[grant, default: Grant()].isRevoked = true } }

    /// A person authorizes again: the old tokens are void.
    func authorize(_ grant: String) -> Credential {
        state.withLock { state in
            let number = (state.grants[grant]?.number ?? 0) + 1
            state.grants[grant] = Grant(number: number)
            return Self.credential(grant, number)
        }
    }

    static func credential(_ grant: String, _ number: Int = 1) -> Credential {
        Credential(accessToken: Secret("at.\(grant).\(number)"), refreshToken: Secret("rt.\(grant).\(number)"))
    }

    /// The number of the newest token that was given out.
    func newest(_ grant: String) -> Int { state.withLock { $0.grants[grant]?.number ?? 1 } }

    var presentations: [Presentation] { state.withLock { $0.presentations } }
    func presentations(of grant: String) -> [Presentation] { presentations.filter { $0.grant == grant } }
    var inFlight: Int { state.withLock { $0.inFlight } }
    var inFlightMax: Int { state.withLock { $0.inFlightMax } }

    /// The grant and token number that a request presents.
    static func presented(by request: OutgoingRequest) -> (grant: String, number: Int)? {
        let pairs = String(decoding: request.body, as: UTF8.self).split(separator: "&")
        guard let pair = pairs.first(where: { $0.hasPrefix("refresh_token=rt.") }) else { return nil }
        let parts = pair.dropFirst("refresh_token=rt.".count).split(separator: ".")
        guard parts.count == 2, let number = Int(parts[1]) else { return nil }
        return (String(parts[0]), number)
    }

    /// Refresh tokens that were revoked, in order.
    var revocations: [String] { state.withLock { $0.revocations } }
    /// Access tokens that were asked about, in order.
    var inspections: [String] { state.withLock { $0.inspections } }
    /// So many revocations are answered with 503.
    func failRevocations(_ count: Int) { state.withLock { $0.revocationFaults = count } }

    /// Requests other than refreshes; nil for a refresh.
    func answerAside(_ request: OutgoingRequest, permit: @Sendable () -> Bool) async -> TransferEnd? {
        let path = request.url.reveal().split(separator: "/").last
        guard path == "revoke" || path == "inspect" || path == "whereabouts" else { return nil }
        guard permit() else { return .notSent(code: "42", message: "The permit was refused.") }
        await clock.pause(for: .milliseconds(50))
        let pairs = String(decoding: request.body, as: UTF8.self).split(separator: "&")
        let token = pairs.first { $0.hasPrefix("token=") }.map { String($0.dropFirst(6)) } ?? ""
        if path == "whereabouts" {
            state.withLock { $0.lookups += 1 }
            return .answered(whereabouts(request.headers.first { $0.name == "X-Refresh-Token" }?.value ?? ""))
        }
        if path == "inspect" {
            state.withLock { $0.inspections.append(token) }
            return .answered(inspection(token))
        }
        return state.withLock { state in
            guard state.revocationFaults == 0 else {
                state.revocationFaults -= 1
                return .answered(Self.json(503, "{}"))
            }
            state.revocations.append(token)
            return .answered(IncomingResponse(status: 200))
        }
    }

    func begin(_ grant: String, _ number: Int) -> Int {
        state.withLock { state in
            let newest = state.grants[grant]?.number ?? 1
            state.presentations.append(
                Presentation(grant: grant, token: "rt.\(grant).\(number)", at: clock.now, isSpent: number != newest))
            state.inFlight += 1
            state.inFlightMax = max(state.inFlightMax, state.inFlight)
            return state.presentations.count - 1
        }
    }

    func end(_ index: Int, wasAnswered: Bool) {
        state.withLock { state in
            state.presentations[index].end = clock.now
            state.presentations[index].wasAnswered = wasAnswered
            state.inFlight -= 1
        }
    }

    /// Acts upon a token: the answer a client would get.
    func act(_ grant: String, _ number: Int, omitsRefreshToken: Bool = false) -> IncomingResponse {
        let next: Int? = state.withLock { state in
            var entry = state.grants[grant] ?? Grant()
            guard !entry.isRevoked, !isStrict || entry.number == number else { return nil }
            entry.number += 1
            state.grants[grant] = entry
            return entry.number
        }
        guard let next else {
            return Self.json(400, #"{"error":"invalid_grant","error_description":"token is spent"}"#)
        }
        let refresh = omitsRefreshToken || !isStrict ? "" : #","refresh_token":"rt.\#(grant).\#(next)""#
        let expiry = tellsExpiry.withLock { $0 } ? #","expires_in":\#(expiresIn)"# : ""
        return Self.json(
            200, #"{"access_token":"at.\#(grant).\#(next)","token_type":"Bearer"\#(expiry)\#(refresh)}"#)
    }

    static func json(_ status: Int, _ body: String, _ headers: [HeaderField] = []) -> IncomingResponse {
        IncomingResponse(
            status: status, headers: [HeaderField("Content-Type", "application/json")] + headers,
            body: Array(body.utf8))
    }
}
