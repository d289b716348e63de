/// Thirty channels of four tenants on a sandbox, and what goes wrong with them in the first two minutes.
package struct DemoWorld: Sendable {
    /// One thing that happens at the sandbox.
    package enum Event: Sendable, Equatable {
        /// A user takes the consent back.
        case revoke(SandboxGrantKey)
        case fault(SandboxFault, SandboxFaultScope, times: Int?)
        case removeFaults(SandboxFaultScope)
    }

    /// An event, when it happens counted from the start, and a sentence for the newcomer.
    package struct Step: Sendable, Equatable {
        package var after: Duration
        package var event: Event
        package var sentence: String
    }

    /// By time.
    package var steps: [Step]
    private let seeds: [DemoSeed]

    package init() {
        seeds = DemoSeed.all
        steps = Self.script
    }

    /// Issues every grant at the sandbox and describes the channels for an import.
    package func channels(on sandbox: SandboxProvider) -> [DemoChannel] {
        seeds.map { seed in
            let pair = sandbox.issue(
                provider: seed.provider, account: seed.account, lifetime: seed.lifetime, scopes: seed.scopes)
            return DemoChannel(
                id: seed.id, tenantID: seed.tenant, userID: seed.user, provider: seed.provider.rawValue,
                displayName: seed.name, externalID: seed.account, params: seed.params, access: pair.access,
                refresh: pair.refresh, accessIssuedAt: pair.issuedAt, accessExpiresAt: pair.accessExpiresAt,
                refreshExpiresAt: pair.refreshExpiresAt, scopes: pair.scopes)
        }
    }

    /// Applies the steps in their time and returns after the last one.
    ///
    /// - Parameter told: is handed each step as it happens.
    /// - Throws: `CancellationError`.
    package func run(
        on sandbox: SandboxProvider, clock: any Clock<Duration> = ContinuousClock(),
        told: @Sendable (Step) -> Void = { _ in }
    ) async throws {
        var elapsed = Duration.zero
        for step in steps {
            if step.after > elapsed { try await clock.sleep(for: step.after - elapsed) }
            elapsed = max(elapsed, step.after)
            apply(step.event, to: sandbox)
            told(step)
        }
    }

    private func apply(_ event: Event, to sandbox: SandboxProvider) {
        switch event {
        case .revoke(let key): sandbox.revoke(provider: key.provider, account: key.account)
        case .fault(let fault, let scope, let times): sandbox.inject(fault, on: scope, times: times)
        case .removeFaults(let scope): sandbox.removeFaults(on: scope)
        }
    }

    private static let script: [Step] = [
        Step(
            after: .seconds(3),
            event: .fault(.slow(.seconds(3)), .grant(SandboxGrantKey(.tiktok, "open-lumen-studio")), times: 2),
            sentence: "TikTok answers @lumenstudio slowly."),
        Step(
            after: .seconds(5),
            event: .fault(
                .rateLimited(retryAfter: .seconds(5)), .grant(SandboxGrantKey(.youtube, "UCnorthbakery01")), times: 2),
            sentence: "YouTube throttles North Bakery TV."),
        Step(
            after: .seconds(8), event: .revoke(SandboxGrantKey(.instagram, "17841400000000001")),
            sentence: "Maria removes the app from @north.bakery on Instagram: only she can mend that."),
        Step(
            after: .seconds(8), event: .revoke(SandboxGrantKey(.amocrm, "verdemarket")),
            sentence: "An amoCRM administrator removes the integration of Verde wholesale."),
        Step(
            after: .seconds(10),
            event: .fault(.serverError(status: 502), .grant(SandboxGrantKey(.googleAds, "234-567-8901")), times: 2),
            sentence: "Google's servers fail for Atlas performance."),
        Step(
            after: .seconds(12),
            event: .fault(.html(), .grant(SandboxGrantKey(.youtube, "UClumenlive00001")), times: 1),
            sentence: "YouTube shows a web page instead of tokens for Lumen Live."),
        Step(
            after: .seconds(20), event: .fault(.closed(), .grant(SandboxGrantKey(.oauth2, "atlas-books")), times: 1),
            sentence: "The bookkeeping server hangs up without an answer."),
        Step(
            after: .seconds(30),
            event: .fault(
                .rateLimited(retryAfter: .seconds(4)), .grant(SandboxGrantKey(.googleAds, "123-456-7890")), times: 1),
            sentence: "Google throttles Lumen brand search."),
        Step(
            after: .seconds(60), event: .fault(.appRejected, .provider(.tiktokShop), times: nil),
            sentence: "TikTok Shop stops accepting the app secret: one app incident, no channel is blamed."),
        Step(
            after: .seconds(120), event: .removeFaults(.provider(.tiktokShop)),
            sentence: "TikTok Shop accepts the app secret again."),
    ]
}
