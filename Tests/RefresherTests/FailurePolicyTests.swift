import Domain
import FoundationEssentials
import Providers
import Testing

@testable import Refresher

@Suite("Failure policy")
struct FailurePolicyTests {
    static let now = Date(timeIntervalSince1970: 1_790_000_000)

    static func claim(
        provider: String = "strict", doubt: Bool = false, fails: Int = 0, denials: Int = 0,
        status: ChannelStatus = .active, reason: WarningReason? = nil, expiresIn: TimeInterval? = 3600
    ) -> Claim {
        Claim(
            key: ClaimKey(channelID: "a", attempt: 20), tenantID: "t", provider: provider, appID: provider, grantID: 1,
            base: 10, doubt: doubt, fails: fails, denials: denials, status: status, reason: reason,
            accessExpiresAt: expiresIn.map { now.addingTimeInterval($0) }, refreshExpiresAt: nil,
            accessIssuedAt: now.addingTimeInterval(-60), lastRefreshAt: nil, dueAt: now,
            credential: .success(ModelProvider.credential("a")))
    }

    static func judge(
        _ end: FailedEnd, provider: String = "strict", claim: Claim = claim(), sentFor: Duration = .seconds(30),
        random: Double = 0.5, app: AppCircumstances = AppCircumstances()
    ) throws -> StoredFailure {
        FailurePolicy(entry: try Sample.entry(provider), ladder: RetryLadder()).failure(
            of: claim, end, now: now, sentFor: sentFor, random: random, actor: "test", app: app)
    }

    static func answer(
        _ answerClass: AnswerClass, isNamed: Bool = true, retryAfter: Duration? = nil
    ) -> FailedEnd {
        .answer(
            AnswerFailure(
                answerClass: answerClass, reason: "rule", isNamed: isNamed, consumed: false, retryAfter: retryAfter,
                message: "No."))
    }

    static let unknown = FailedEnd.unknown(code: "28", message: "It timed out.")

    private func wait(_ failure: StoredFailure) -> Double? { failure.dueAt?.timeIntervalSince(Self.now) }

    struct Expected: Sendable, CustomTestStringConvertible {
        var name: String
        var end: FailedEnd
        var outcome: Outcome
        var fails = 0
        var denials = 0
        var warning: WarningReason?
        var isParked = false
        var testDescription: String { name }
    }

    static let table: [Expected] = [
        Expected(name: "not sent", end: .notSent(code: "7", message: ""), outcome: .transient),
        Expected(name: "unknown", end: unknown, outcome: .unknownOutcome, fails: 1),
        Expected(
            name: "dead without a call", end: .deadWithoutCall(code: "refresh_token_missing", message: ""),
            outcome: .reauthorizationRequired, warning: .reauthorizationRequired, isParked: true),
        Expected(
            name: "unreadable", end: .unreadable, outcome: .unclassified, warning: .sealedUnreadable, isParked: true),
        Expected(name: "app missing", end: .appMissing, outcome: .appRejected),
        Expected(name: "reauth", end: answer(.reauth), outcome: .reauthorizationRequired, denials: 1),
        Expected(name: "reauth without a name", end: answer(.reauth, isNamed: false), outcome: .unclassified, fails: 1),
        Expected(name: "suspended", end: answer(.suspended), outcome: .suspended, warning: .suspended),
        Expected(
            name: "suspended without a name", end: answer(.suspended, isNamed: false), outcome: .suspended, fails: 1),
        Expected(name: "client", end: answer(.client), outcome: .appRejected),
        Expected(name: "request", end: answer(.request), outcome: .requestRejected, fails: 1),
        Expected(name: "rate limited", end: answer(.rateLimited), outcome: .rateLimited),
        Expected(name: "transient", end: answer(.transient), outcome: .transient, fails: 1),
        Expected(name: "too early", end: answer(.tooEarly), outcome: .notDue),
        Expected(name: "unclassified", end: answer(.unknown), outcome: .unclassified, fails: 1),
    ]

    @Test(arguments: table)
    func `each end has its outcome and counts what it must`(expected: Expected) throws {
        let failure = try Self.judge(expected.end)
        #expect(failure.outcome == expected.outcome)
        #expect(failure.fails == expected.fails)
        #expect(failure.denials == expected.denials)
        #expect(failure.warning == expected.warning)
        #expect((failure.dueAt == nil) == expected.isParked)
        #expect(failure.base == 10 && failure.key.attempt == 20)
    }

    @Test(arguments: table)
    func `I9: reauthorization is asked for by a confirmed verdict or the clock alone`(expected: Expected) throws {
        for denials in [0, 1, 5] {
            for (fails, expiresIn) in [(0, 3600.0), (2, 3600), (50, -5)] {
                let failure = try Self.judge(
                    expected.end, claim: Self.claim(doubt: true, fails: fails, denials: denials, expiresIn: expiresIn))
                let isVerdict = expected.name == "reauth" && denials >= 1 || expected.name == "dead without a call"
                #expect((failure.warning == .reauthorizationRequired) == isVerdict, "\(expected.name) \(denials)")
            }
        }
    }

    @Test(arguments: table)
    func `I16: an end parks exactly when its channel is left alone`(expected: Expected) throws {
        let failure = try Self.judge(expected.end)
        #expect((failure.dueAt == nil) == (failure.warning?.parks ?? false))
        let dead = try Self.judge(
            expected.end, claim: Self.claim(status: .warning, reason: .reauthorizationRequired, expiresIn: -5))
        // Only a lost answer of what a person tried keeps a dead grant going.
        #expect((dead.dueAt != nil) == (expected.name == "unknown"), "\(expected.name)")
    }

    @Test(arguments: [("strict", true), ("family", true), ("patient", true), ("free", false)])
    func `an unknown end leaves a doubt unless the class is free`(provider: String, doubt: Bool) throws {
        #expect(try Self.judge(Self.unknown, provider: provider).doubt == doubt)
        let answered = try Self.judge(Self.answer(.rateLimited), provider: provider, claim: Self.claim(doubt: true))
        #expect(answered.doubt, "a refusal does not end a doubt")
    }

    @Test func `replays of a single-use token start 60 s after the hard deadline and follow the ladder`() throws {
        let first = try Self.judge(Self.unknown, sentFor: .seconds(10))
        #expect(wait(first) == 80)
        let late = try Self.judge(
            Self.unknown, claim: Self.claim(doubt: true, fails: 5, expiresIn: 90_000), random: 0.5)
        #expect(wait(late) == 600)
        let hurried = try Self.judge(Self.unknown, claim: Self.claim(doubt: true, fails: 5, expiresIn: 100))
        #expect(wait(hurried) == 60)
    }

    @Test func `replays in a grace come each sixth of it`() throws {
        #expect(wait(try Self.judge(Self.unknown, provider: "patient")) == 15)
        for fails in 1...4 {
            #expect(
                wait(try Self.judge(Self.unknown, provider: "patient", claim: Self.claim(doubt: true, fails: fails)))
                    == 300)
        }
        let late = try Self.judge(
            Self.unknown, provider: "patient", claim: Self.claim(doubt: true, fails: 7, expiresIn: 90_000))
        #expect(wait(late) == 1800)
    }

    @Test func `a family waits for the end of its access token`() throws {
        #expect(wait(try Self.judge(Self.unknown, provider: "family")) == 3480)
        #expect(wait(try Self.judge(Self.unknown, provider: "family", claim: Self.claim(expiresIn: 100))) == 60)
    }

    @Test func `a dead grant needs its confirmations, 30 s apart, and tells a lost rotation`() throws {
        let first = try Self.judge(Self.answer(.reauth))
        #expect(wait(first) == 30 && first.warning == nil && first.code == "rule")
        let second = try Self.judge(Self.answer(.reauth), claim: Self.claim(denials: 1))
        #expect(second.warning == .reauthorizationRequired && second.code == "rule" && second.dueAt == nil)
        let lost = try Self.judge(Self.answer(.reauth), claim: Self.claim(doubt: true, denials: 1))
        #expect(lost.code == "rotation_lost")
    }

    @Test func `a verdict that waits for its confirmation is not told as failing`() throws {
        let failure = try Self.judge(Self.answer(.reauth), claim: Self.claim(fails: 5, expiresIn: -10))
        #expect(failure.warning == nil)
    }

    @Test(arguments: [(1, 3600.0, false), (2, 3600, true), (0, -1, true), (9, -1, true)])
    func `three failures in a row or an expired token are shown`(fails: Int, expiresIn: Double, isShown: Bool) throws {
        let failure = try Self.judge(Self.answer(.transient), claim: Self.claim(fails: fails, expiresIn: expiresIn))
        #expect((failure.warning == .refreshFailing) == isShown)
    }

    @Test(arguments: [FailedEnd.appMissing, answer(.client)])
    func `an app's fault never flags its channels`(end: FailedEnd) throws {
        let failure = try Self.judge(end, claim: Self.claim(fails: 9, expiresIn: -100))
        #expect(failure.warning == nil && failure.fails == 9)
    }

    @Test func `a refusal of an app that works for others is the channel's own failure`() throws {
        let failure = try Self.judge(
            Self.answer(.client), claim: Self.claim(fails: 2), app: AppCircumstances(isCleared: true))
        #expect(failure.outcome == .appRejected && failure.fails == 3 && failure.warning == .refreshFailing)
    }

    @Test func `a stronger warning stays`() throws {
        let failure = try Self.judge(
            Self.answer(.transient), claim: Self.claim(fails: 9, status: .warning, reason: .suspended, expiresIn: -100))
        #expect(failure.warning == nil)
    }

    @Test func `a bare suspension is believed when it stays`() throws {
        let first = try Self.judge(Self.answer(.suspended, isNamed: false))
        #expect(wait(first) == 600 && first.warning == nil)
        let third = try Self.judge(Self.answer(.suspended, isNamed: false), claim: Self.claim(fails: 2))
        #expect(wait(third) == 86_400 && third.warning == .suspended)
    }

    @Test func `Retry-After is honoured up to six hours`() throws {
        #expect(wait(try Self.judge(Self.answer(.rateLimited, retryAfter: .seconds(90)))) == 90)
        #expect(wait(try Self.judge(Self.answer(.rateLimited, retryAfter: .seconds(9_999_999)))) == 21_600)
        #expect(wait(try Self.judge(Self.answer(.rateLimited))) == 30)
        #expect(wait(try Self.judge(Self.answer(.client, retryAfter: .seconds(10)))) == 60)
    }

    @Test(arguments: ["strict", "free", "patient", "family"], [-100.0, 0, 1, 50, 1_000_000])
    func `no wait is shorter than its floor nor beyond a day`(provider: String, expiresIn: Double) throws {
        for end in Self.table.map(\.end) {
            for random in [0, 0.5, 0.999] {
                let claim = Self.claim(provider: provider, doubt: random > 0.6, fails: 3, expiresIn: expiresIn)
                guard let wait = wait(try Self.judge(end, provider: provider, claim: claim, random: random)) else {
                    continue
                }
                #expect(wait >= 5 && (provider == "family" || wait <= 86_400))
            }
        }
    }
}
