package import Domain
package import FoundationEssentials
import Synchronization

/// Token endpoints of every platform on one loopback port, in their own wire forms, that misbehave on request.
///
/// ```
/// let sandbox = SandboxProvider()
/// try await sandbox.start()                 // a free port
/// let pair = sandbox.issue(provider: .amocrm, account: "bakery", lifetime: .seconds(60))
/// sandbox.inject(.closed(afterRotating: true), on: .provider(.amocrm), times: 1)
/// try await sandbox.run()                   // until stop() or cancellation
/// ```
package final class SandboxProvider: Sendable {
    let ledger: Mutex<Ledger>
    let now: @Sendable () -> Date
    private let clock: any Clock<Duration>
    private let server = LoopbackServer()
    private let broadcast = Broadcast<SandboxExchange>(bound: 1_000)
    private let requestedPort: UInt16

    /// - Parameters:
    ///   - port: 0 picks a free one.
    ///   - apps: registrations that differ from ``defaultApp(_:)``.
    ///   - clock: waits of slow answers.
    ///   - now: the platforms' wall clock.
    package init(
        port: UInt16 = 0, apps: [SandboxPlatform: SandboxApp] = [:], clock: any Clock<Duration> = ContinuousClock(),
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        var ledger = Ledger()
        for platform in SandboxPlatform.allCases { ledger.apps[platform] = apps[platform] ?? Self.defaultApp(platform) }
        self.ledger = Mutex(ledger)
        self.now = now
        self.clock = clock
        requestedPort = port
    }

    /// Client `sandbox-<family>` with secret `sandbox-secret`; Google's two share one, as Meta's three do.
    package static func defaultApp(_ platform: SandboxPlatform) -> SandboxApp {
        let family =
            switch platform {
            case .youtube, .googleAds: "google"
            case .facebook, .facebookAds, .whatsapp: "meta"
            case .tiktok, .tiktokLegacy: "tiktok"
            case .instagram, .tiktokShop, .amocrm, .kommo, .oauth2: platform.rawValue
            }
        return SandboxApp(clientID: "sandbox-\(family)", clientSecrets: [Secret("sandbox-secret")])
    }

    /// The bound port; 0 before ``start()``.
    package var port: Int { server.port }

    /// `http://127.0.0.1:<port>`.
    package var baseURL: String { "http://127.0.0.1:\(port)" }

    /// Binds and listens; requests wait until ``run()``.
    package func start() async throws(SandboxError) {
        try await server.start(port: requestedPort)
    }

    /// Serves until ``stop()`` or cancellation.
    package func run() async throws(SandboxError) {
        defer { broadcast.finish() }
        try await server.run { [self] connection in
            try await serveHTTP(connection, clock: clock) { answer($0) }
        }
    }

    package func stop() {
        server.stop()
    }

    // MARK: Grants and apps

    /// Makes a grant, or a new consent for a known account: its earlier tokens are spent and a revocation ends.
    ///
    /// - Parameters:
    ///   - lifetime: of access tokens now and at each renewal; nil: the real platform's.
    ///   - refreshLifetime: of refresh tokens; nil: the real platform's.
    @discardableResult
    package func issue(
        provider: SandboxPlatform, account: String, lifetime: Duration? = nil, refreshLifetime: Duration? = nil,
        scopes: [String] = []
    ) -> SandboxPair {
        let now = now()
        return ledger.withLock {
            $0.issue(
                SandboxGrantKey(provider, account), accessLifetime: lifetime ?? provider.accessLifetime,
                refreshLifetime: refreshLifetime ?? provider.refreshLifetime, scopes: scopes, now: now)
        }
    }

    /// Makes an authorization code as the consent page does; it works once.
    package func authorizationCode(
        provider: SandboxPlatform, account: String, redirectURI: String? = nil, challenge: String? = nil,
        scopes: [String] = []
    ) -> String {
        ledger.withLock {
            $0.authorize(
                Ledger.Code(
                    grant: SandboxGrantKey(provider, account), redirectURI: redirectURI, challenge: challenge,
                    scopes: scopes))
        }
    }

    /// Ends a grant as its user would at the platform; false when there is none.
    @discardableResult
    package func revoke(provider: SandboxPlatform, account: String) -> Bool {
        ledger.withLock { $0.revoke(SandboxGrantKey(provider, account)) }
    }

    /// Registers an app in place of the platform's old one: a changed secret, for example.
    package func setApp(_ app: SandboxApp, of provider: SandboxPlatform) {
        ledger.withLock { $0.apps[provider] = app }
    }

    package func app(of provider: SandboxPlatform) -> SandboxApp {
        ledger.withLock { $0.apps[provider] } ?? Self.defaultApp(provider)
    }

    package func setBehaviour(_ behaviour: SandboxBehaviour, of provider: SandboxPlatform) {
        ledger.withLock { $0.behaviours[provider] = behaviour }
    }

    // MARK: Faults

    /// Plays `fault` on the next `times` requests that `scope` meets (nil: for ever); a newer fault goes before.
    @discardableResult
    package func inject(_ fault: SandboxFault, on scope: SandboxFaultScope, times: Int? = 1) -> Int {
        ledger.withLock { $0.faults.add(fault, scope, times: times) }
    }

    /// Takes one fault back.
    package func removeFault(_ id: Int) {
        ledger.withLock { $0.faults.remove { $0.id == id } }
    }

    /// Takes faults back: those of one scope, or all.
    package func removeFaults(on scope: SandboxFaultScope? = nil) {
        ledger.withLock { $0.faults.remove { scope == nil || $0.scope == scope } }
    }

    // MARK: Looking

    /// All grants and counters, at one moment.
    package func snapshot() -> SandboxSnapshot {
        ledger.withLock { ledger in
            SandboxSnapshot(
                grants: ledger.grants.map { key, grant in Self.snapshot(key, grant) }.sorted { $0.key < $1.key },
                requests: ledger.requests, unknownCredentials: ledger.unknownCredentials)
        }
    }

    package func grant(provider: SandboxPlatform, account: String) -> SandboxGrantSnapshot? {
        let key = SandboxGrantKey(provider, account)
        return ledger.withLock { $0.grants[key].map { Self.snapshot(key, $0) } }
    }

    /// Credentials of a grant that were replaced, oldest first (at most 2,000).
    package func spentCredentials(provider: SandboxPlatform, account: String) -> [Secret] {
        ledger.withLock { $0.grants[SandboxGrantKey(provider, account)]?.past.map { Secret($0.credential) } ?? [] }
    }

    /// Each request as it is answered, from now on.
    package func exchanges() -> AsyncStream<SandboxExchange> {
        broadcast.stream()
    }

    func publish(_ exchange: SandboxExchange) {
        broadcast.publish(exchange)
    }

    private static func snapshot(_ key: SandboxGrantKey, _ grant: Ledger.Grant) -> SandboxGrantSnapshot {
        SandboxGrantSnapshot(
            key: key, newest: grant.newest, isRevoked: grant.isRevoked, requests: grant.requests,
            renewals: grant.renewals, reuses: grant.reuses, overlaps: grant.overlaps, inFlight: grant.inFlight,
            inFlightMax: grant.inFlightMax)
    }
}
