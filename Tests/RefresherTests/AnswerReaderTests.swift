import Domain
import FoundationEssentials
import Providers
import Testing

@testable import Refresher

@Suite("Reading answers")
struct AnswerReaderTests {
    static let now = Date(timeIntervalSince1970: 1_790_000_000)

    static func answer(
        provider: String = "strict", status: Int = 200, _ body: String, isCut: Bool = false, isOverLong: Bool = false
    ) -> JournalAnswer {
        JournalAnswer(
            key: ClaimKey(channelID: "a", attempt: 20), tenantID: "t", provider: provider, appID: provider,
            secretIndex: 0, grantID: 1, base: 10, requestedAt: now, presented: ModelProvider.credential("a"),
            catalogueRevision: "1", status: status,
            headers: [HeaderField("Content-Type", "application/json")], body: Array(body.utf8), isCut: isCut,
            isOverLong: isOverLong)
    }

    static func read(_ answer: JournalAnswer, before: Date? = nil) throws -> AnswerReader.Reading {
        AnswerReader(entry: try Sample.entry(answer.provider)).read(
            answer, expiredBefore: before, now: now, actor: "test")
    }

    private func success(_ answer: JournalAnswer, before: Date? = nil) throws -> StoredSuccess {
        guard case .success(let success, _) = try Self.read(answer, before: before) else {
            Issue.record("no success")
            throw MemoryStore.Failure()
        }
        return success
    }

    /// `unknown`, `answer` or `success`.
    private func kind(_ answer: JournalAnswer) throws -> String {
        switch try Self.read(answer) {
        case .success: "success"
        case .failure(.unknown(let code, _)): code.hasPrefix("answer_") ? code : "unknown"
        case .failure(.answer(let failure)): failure.answerClass.rawValue
        case .failure: "other"
        }
    }

    static let pair = #"{"access_token":"n","refresh_token":"m","expires_in":3600}"#

    @Test(arguments: [
        ("strict", 200, "", "unknown"), ("strict", 200, "{}", "unknown"), ("strict", 200, "<html>", "unknown"),
        ("strict", 500, "{}", "unknown"), ("strict", 408, "", "unknown"), ("strict", 425, "", "unknown"),
        ("strict", 503, "<html>", "unknown"), ("free", 503, "<html>", "transient"), ("free", 408, "", "transient"),
        ("free", 200, "{}", "unknown"), ("strict", 429, "", "rate_limited"), ("strict", 400, "", "unknown"),
        ("strict", 400, #"{"error":"invalid_grant"}"#, "reauth"),
        ("strict", 200, #"{"error":"invalid_grant"}"#, "reauth"),
        ("strict", 401, #"{"error":"invalid_client"}"#, "client"),
        ("strict", 400, #"{"error":"invalid_request"}"#, "request"),
        ("strict", 302, "", "unknown"),
    ])
    func `an answer that is no success may have spent the token or not`(
        provider: String, status: Int, body: String, expected: String
    ) throws {
        #expect(try kind(Self.answer(provider: provider, status: status, body)) == expected)
    }

    @Test(arguments: [400, 403, 418])
    func `a bare refusal spends nothing and says nothing`(status: Int) throws {
        guard case .failure(.answer(let failure)) = try Self.read(Self.answer(status: status, "<html>no</html>")) else {
            Issue.record("not an answer")
            return
        }
        #expect(failure.answerClass == .unknown && !failure.isNamed)
    }

    @Test func `a broken answer is unknown unless its object is whole`() throws {
        #expect(try kind(Self.answer(Self.pair, isCut: true)) == "success")
        #expect(try kind(Self.answer(" \n" + Self.pair + "\n", isCut: true)) == "success")
        #expect(try kind(Self.answer(String(Self.pair.dropLast()), isCut: true)) == "answer_cut")
        #expect(try kind(Self.answer("", isCut: true)) == "answer_cut")
        #expect(try kind(Self.answer(status: 400, #"{"error":"invalid_grant"}"#, isCut: true)) == "answer_cut")
        #expect(try kind(Self.answer(Self.pair, isOverLong: true)) == "answer_too_long")
    }

    @Test func `a pair is due before its end, and never at once again`() throws {
        let hour = try success(Self.answer(Self.pair))
        #expect(hour.accessExpiresAt == Self.now.addingTimeInterval(3600))
        #expect(hour.dueAt.map { (2940...3000).contains($0.timeIntervalSince(Self.now)) } ?? false)
    }

    @Test(arguments: [1, 2, 30, 59, 61, 100])
    func `a token that lives shorter than the interval is renewed in the second half of its life`(seconds: Int) throws {
        let short = try success(Self.answer(#"{"access_token":"n","refresh_token":"m","expires_in":\#(seconds)}"#))
        let wait = try #require(short.dueAt).timeIntervalSince(Self.now)
        #expect(wait >= Double(seconds) / 2 && wait <= Double(seconds) * 3 / 4)
    }

    @Test func `an answer that says the token ended already does not make the loop spin`() throws {
        let ended = try success(Self.answer(#"{"access_token":"n","refresh_token":"m","expires_in":-5}"#))
        #expect(try #require(ended.dueAt) >= Self.now.addingTimeInterval(60))
    }

    private static let endless = answer(provider: "facebook", #"{"access_token":"n","token_type":"bearer"}"#)

    private func inspected(_ answer: JournalAnswer, _ inspection: Inspection, before: Date? = nil) throws
        -> StoredSuccess
    {
        let reading = AnswerReader(entry: try Sample.entry("facebook")).read(
            answer, expiredBefore: before, inspection: inspection, now: Self.now, actor: "test")
        guard case .success(let success, asks: false) = reading else { throw MemoryStore.Failure() }
        return success
    }

    @Test func `an end that only an inspection knows is asked for soon`() throws {
        let success = try success(Self.endless)
        #expect(success.accessExpiresAt == nil && success.dueAt == Self.now.addingTimeInterval(600))
        guard case .success(_, asks: true) = try Self.read(Self.endless) else {
            Issue.record("the provider is not asked")
            return
        }
    }

    @Test func `an inspection gives the end, the deadline and the schedule`() throws {
        let end = Self.now.addingTimeInterval(5_184_000)
        let month = try inspected(
            Self.endless, Inspection(isAlive: true, accessExpiresAt: end, dataAccessExpiresAt: end - 86_400))
        #expect(month.accessExpiresAt == end && month.humanDeadlineAt == end - 86_400)
        #expect(try #require(month.dueAt) < end - 15 * 86_400 && month.outcome == .renewed)
        let endless = try inspected(Self.endless, Inspection(isAlive: true, neverExpires: true))
        #expect(endless.accessExpiresAt == nil && endless.humanDeadlineAt == nil)
        #expect(endless.dueAt == Self.now.addingTimeInterval(86_400), "a token without an end is looked at daily")
    }

    @Test func `an inspection decides whether the end moved`() throws {
        let before = Self.now.addingTimeInterval(1_000_000)
        let told = Self.answer(provider: "facebook", #"{"access_token":"n","expires_in":5184000}"#)
        #expect(try success(told, before: before).outcome == .renewed)
        #expect(
            try inspected(told, Inspection(isAlive: true, accessExpiresAt: before), before: before).outcome
                == .notExtended)
        let moved = Inspection(isAlive: true, accessExpiresAt: before + 4_000_000)
        #expect(try inspected(Self.endless, moved, before: before).outcome == .renewed)
        #expect(
            try inspected(Self.endless, Inspection(isAlive: true, neverExpires: true), before: before).outcome
                == .renewed)
    }

    @Test func `a new token that is called dead is looked at once more`() throws {
        let answer = Self.answer(provider: "facebook", #"{"access_token":"n","expires_in":5184000}"#)
        let dead = try inspected(answer, Inspection(isAlive: false, errorCode: "190"))
        #expect(dead.accessExpiresAt == nil && dead.outcome == .renewed)
        #expect(dead.dueAt == Self.now.addingTimeInterval(60))
    }

    @Test func `an expiry that must move and did not is told, and not asked for again at once`() throws {
        let before = Self.now.addingTimeInterval(5_000_000)
        let answer = Self.answer(provider: "facebook", #"{"access_token":"n","expires_in":5000010}"#)
        let same = try success(answer, before: before)
        #expect(same.outcome == .notExtended)
        #expect(try #require(same.dueAt) >= Self.now.addingTimeInterval(86_400))
        #expect(try success(answer, before: Self.now.addingTimeInterval(86_400)).outcome == .renewed)
        #expect(try success(answer).outcome == .renewed)
        let ending = try success(
            Self.answer(provider: "facebook", #"{"access_token":"n","expires_in":3000}"#),
            before: Self.now.addingTimeInterval(3000))
        #expect(try #require(ending.dueAt) < Self.now.addingTimeInterval(3000))
    }

    @Test func `a missing refresh token is carried over, and doubted where it is required`() throws {
        let body = #"{"access_token":"n","expires_in":3600}"#
        let kept = try success(Self.answer(body))
        #expect(kept.credential.refreshToken == Secret("rt.a.1") && !kept.doubt)
        let doubted = try success(Self.answer(provider: "demanding", body))
        #expect(doubted.doubt && doubted.dueAt == Self.now.addingTimeInterval(60))
    }
}
