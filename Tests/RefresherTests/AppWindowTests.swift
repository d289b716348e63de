import Domain
import FoundationEssentials
import Testing

@testable import Refresher

@Suite("The last attempts of an app")
struct AppWindowTests {
    private static let start = ContinuousClock.now

    private func window(
        _ attempts: [(AppWindow.Evidence, channel: Int, tenant: Int)], every gap: Duration = .seconds(1)
    ) -> AppWindow {
        var window = AppWindow()
        for (index, (evidence, channel, tenant)) in attempts.enumerated() {
            let claim = Claim(
                key: ClaimKey(channelID: ChannelID(rawValue: "c\(channel)"), attempt: 1), tenantID: "t\(tenant)",
                provider: "strict", appID: "strict", grantID: 1, base: 1, doubt: false, fails: 0, denials: 0,
                status: .active, reason: nil, accessExpiresAt: nil, refreshExpiresAt: nil, accessIssuedAt: nil,
                lastRefreshAt: nil, dueAt: nil, credential: .failure(.unreadable))
            window.note(evidence, of: claim, at: Self.start + gap * index)
        }
        return window
    }

    @Test func `five channels denied in at least half of the attempts are many`() {
        let denied = (0..<5).map { (AppWindow.Evidence.denied, channel: $0, tenant: $0 % 2) }
        #expect(window(denied).deniedTenants == 2)
        #expect(window(Array(denied.dropLast())).deniedTenants == nil)
        let others = (0..<5).map { (AppWindow.Evidence.other, channel: 50 + $0, tenant: 7) }
        #expect(window(others + denied).deniedTenants == 2)
        #expect(window(others + [(.renewed, channel: 60, tenant: 7)] + denied).deniedTenants == nil)
        #expect(window((0..<9).map { _ in (.denied, channel: 1, tenant: 1) }).deniedTenants == nil, "one channel")
    }

    @Test func `three channels failing with no success since are an outage`() {
        let failing = (0..<3).map { (AppWindow.Evidence.failing, channel: $0, tenant: 0) }
        #expect(window(failing).isFailing)
        #expect(!window(Array(failing.dropLast()) + [(.failing, channel: 0, tenant: 0)]).isFailing)
        #expect(!window(failing + [(.renewed, channel: 9, tenant: 0)]).isFailing)
        #expect(window([(.renewed, channel: 9, tenant: 0)] + failing + [(.denied, channel: 8, tenant: 0)]).isFailing)
    }

    @Test func `what is old or long past counts no more`() {
        let failing = (0..<3).map { (AppWindow.Evidence.failing, channel: $0, tenant: 0) }
        #expect(!window(failing, every: .seconds(400)).isFailing, "ten minutes")
        let since = (0..<20).map { (AppWindow.Evidence.other, channel: 100 + $0, tenant: 0) }
        #expect(!window(failing + since).isFailing, "twenty attempts")
    }
}
