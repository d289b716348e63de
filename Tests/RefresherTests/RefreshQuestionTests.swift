import Domain
import FoundationEssentials
import Testing

@testable import Refresher

@Suite("Whether a refresh on demand calls")
struct RefreshQuestionTests {
    static let now = Date(timeIntervalSince1970: 1_790_000_000)

    static func channel(
        provider: String = "strict", status: ChannelStatus = .active, reason: WarningReason? = nil,
        dueIn: TimeInterval? = 3000, attemptedBefore: TimeInterval = 3000, doubt: Bool = false,
        issuedBefore: TimeInterval? = 3000, expiresIn: TimeInterval? = 3600, renewedBefore: TimeInterval? = nil
    ) -> ChannelSnapshot {
        ChannelSnapshot(
            id: "a", tenantID: "t", provider: provider, appID: provider, status: status, reason: reason, isHeld: false,
            dueAt: dueIn.map { now.addingTimeInterval($0) },
            attempt: MemoryStore.microseconds(now.addingTimeInterval(-attemptedBefore)), written: 1, doubt: doubt,
            epoch: 1, accessIssuedAt: issuedBefore.map { now.addingTimeInterval(-$0) },
            accessExpiresAt: expiresIn.map { now.addingTimeInterval($0) },
            lastRefreshAt: renewedBefore.map { now.addingTimeInterval(-$0) }, databaseTime: now)
    }

    /// The reason for not calling; nil when the channel is to be claimed.
    static func reason(
        _ channel: ChannelSnapshot, _ options: RefreshOptions = RefreshOptions(), app: AppState? = nil,
        provider: String = "strict"
    ) throws -> String? {
        RefreshQuestion(options: options, entry: try Sample.entry(provider)).answer(channel, appState: app)?.reason
    }

    static let force = RefreshOptions(force: true)
    static let retryDead = RefreshOptions(force: true, retryDead: true)

    @Test func `a channel within its margin is called, another is not`() throws {
        #expect(try Self.reason(Self.channel()) == "not_due")
        #expect(try Self.reason(Self.channel(expiresIn: 599)) == nil)
        #expect(try Self.reason(Self.channel(dueIn: -1)) == nil)
        #expect(try Self.reason(Self.channel(expiresIn: -50)) == nil)
        #expect(try Self.reason(Self.channel(), Self.force) == nil)
        #expect(try Self.reason(Self.channel(issuedBefore: nil, expiresIn: nil)) == "not_due")
    }

    @Test func `what is paused or gone is never called`() throws {
        #expect(try Self.reason(Self.channel(status: .paused, dueIn: nil), Self.retryDead) == "paused")
        #expect(try Self.reason(Self.channel(status: .disconnected, dueIn: nil), Self.retryDead) == "disconnected")
    }

    @Test(arguments: WarningReason.allCases)
    func `a parked warning needs retryDead`(reason: WarningReason) throws {
        let channel = Self.channel(status: .warning, reason: reason, dueIn: reason.parks ? nil : 100)
        #expect((try Self.reason(channel, Self.force) == nil) == !reason.parks)
        #expect(try Self.reason(channel, Self.retryDead) == nil)
    }

    @Test func `a damaged credential is not told as a dead grant`() throws {
        let question = RefreshQuestion(options: Self.force, entry: try Sample.entry("strict"))
        let report = question.answer(
            Self.channel(status: .warning, reason: .sealedUnreadable, dueIn: nil), appState: nil)
        #expect(report?.outcome == .unclassified)
    }

    @Test func `force does not shorten the provider's intervals`() throws {
        #expect(try Self.reason(Self.channel(issuedBefore: 30), Self.force) == nil)
        #expect(try Self.reason(Self.channel(renewedBefore: 59), Self.force) == "too_young")
        #expect(try Self.reason(Self.channel(renewedBefore: 61), Self.force) == nil)
        let instagram = Self.channel(provider: "instagram", issuedBefore: 3600)
        #expect(try Self.reason(instagram, Self.force, provider: "instagram") == "too_young")
    }

    @Test(arguments: [AppState.suspect, .paused])
    func `a refused app is called by force alone`(state: AppState) throws {
        #expect(try Self.reason(Self.channel(dueIn: -1), app: state) == "app_\(state.rawValue)")
        #expect(try Self.reason(Self.channel(), Self.force, app: state) == nil)
    }

    @Test(arguments: [AppState.ok, .degraded])
    func `an app that works, or degrades, stops nobody`(state: AppState) throws {
        #expect(try Self.reason(Self.channel(dueIn: -1), app: state) == nil)
    }

    @Test func `minTtl asks for life, up to half of the whole`() throws {
        func asked(_ seconds: Int, _ channel: ChannelSnapshot) throws -> String? {
            try Self.reason(channel, RefreshOptions(minTimeToLive: .seconds(seconds)))
        }
        #expect(try asked(600, Self.channel(issuedBefore: 100, expiresIn: 3500)) == "not_due")
        #expect(try asked(3000, Self.channel(issuedBefore: 1600, expiresIn: 2000)) == "not_due")
        #expect(try asked(3000, Self.channel(issuedBefore: 2000, expiresIn: 1600)) == nil)
        #expect(try asked(0, Self.channel(expiresIn: -1)) == nil)
        #expect(try asked(600, Self.channel(expiresIn: nil)) == "not_due")
    }

    @Test(arguments: [
        ("strict", 100.0, true), ("strict", 156, false), ("patient", 100, true), ("patient", 111, false),
        ("family", 3000, true), ("free", 1, false),
    ])
    func `a doubt is waited out by its class`(provider: String, attemptedBefore: TimeInterval, isBlocked: Bool) throws {
        let channel = Self.channel(provider: provider, dueIn: 500, attemptedBefore: attemptedBefore, doubt: true)
        #expect((try Self.reason(channel, Self.force, provider: provider) == "doubt") == isBlocked)
        let due = Self.channel(provider: provider, dueIn: -1, attemptedBefore: attemptedBefore, doubt: true)
        #expect(try Self.reason(due, Self.force, provider: provider) == nil)
    }

    @Test func `an unknown provider is named, and a dry run says what it would do`() throws {
        let question = RefreshQuestion(options: Self.force, entry: nil)
        #expect(question.answer(Self.channel(provider: "nobody"), appState: nil)?.reason == "provider_unknown")
        #expect(try Self.reason(Self.channel(), RefreshOptions(force: true, dryRun: true)) == "dry_run")
        #expect(try Self.reason(Self.channel(), RefreshOptions(dryRun: true)) == "not_due")
    }
}
