import Domain
import FoundationEssentials
import Testing

@testable import Providers

@Suite("Renewals")
struct RenewalTests {
    private func renewal(_ name: String, _ body: String, presented: Credential? = nil) throws -> Renewal {
        try entry(name).renewal(from: Sample.answer(body, presented: presented))
    }

    private func after(_ seconds: Double) -> Date { Sample.now.addingTimeInterval(seconds) }

    @Test func `what the answer leaves out is carried over`() throws {
        let renewal = try renewal("google", #"{"access_token":"new","expires_in":3599}"#)
        #expect(renewal.credential.accessToken == Secret("new"))
        #expect(renewal.credential.refreshToken == Secret("old-refresh"))
        #expect(renewal.credential.scopes == ["read"])
        #expect(renewal.credential.parameters == ["subdomain": "acme"])
        #expect(renewal.credential.tokenType == "Bearer")
        #expect(renewal.accessIssuedAt == Sample.now)
        #expect(renewal.accessExpiresAt == after(3599))
        #expect(renewal.life == .seconds(3599))
        #expect(!renewal.refreshTokenChanged && !renewal.isRequiredRefreshTokenMissing)
        #expect(renewal.humanDeadlineAt == nil)
    }

    @Test(arguments: ["", " ", "null"])
    func `a blank refresh token is none`(value: String) throws {
        let field = value == "null" ? "null" : "\"\(value)\""
        let renewal = try renewal("amocrm", #"{"access_token":"a","expires_in":86400,"refresh_token":\#(field)}"#)
        #expect(renewal.credential.refreshToken == Secret("old-refresh"))
        #expect(renewal.isRequiredRefreshTokenMissing)
        #expect(!renewal.refreshTokenChanged)
        #expect(renewal.keepsRefreshExpiry)
    }

    @Test func `a new refresh token is noticed`() throws {
        let changed = try renewal("google", #"{"access_token":"a","refresh_token":"other"}"#)
        #expect(changed.refreshTokenChanged)
        #expect(changed.credential.refreshToken == Secret("other"))
        let same = try renewal("google", #"{"access_token":"a","refresh_token":"old-refresh"}"#)
        #expect(!same.refreshTokenChanged)
        let rotated = try renewal("amocrm", #"{"access_token":"a","refresh_token":"r2","expires_in":86400}"#)
        #expect(rotated.refreshTokenChanged && !rotated.isRequiredRefreshTokenMissing)
        #expect(rotated.refreshExpiresAt == after(90 * 86_400))
        #expect(rotated.humanDeadlineAt == after(90 * 86_400))
    }

    struct Life: Sendable, CustomTestStringConvertible {
        var expiry: String
        var value: String
        /// Seconds from now; nil for no end.
        var seconds: Double?
        var testDescription: String { "\(expiry) \(value)" }

        init(_ expiry: String, _ value: String, _ seconds: Double?) {
            self.expiry = expiry
            self.value = value
            self.seconds = seconds
        }
    }

    static let hour = 3600.0
    static let lives: [Life] = [
        Life("{path: e}", "7200", 7200), Life("{path: e, unit: seconds}", "\"7200\"", 7200),
        Life("{path: e, unit: seconds}", "7200.5", 7200.5), Life("{path: e, unit: seconds}", "7.2e3", 7200),
        Life("{path: e, unit: epoch_s}", "1760003600", 3600), Life("{path: e, unit: epoch_ms}", "1760003600000", 3600),
        Life("{path: e, unit: iso8601}", "\"2025-10-09T09:53:20Z\"", 3600),
        Life("{path: e, unit: iso8601}", "\"tomorrow\"", hour), Life("{path: e, unit: auto}", "3600", 3600),
        Life("{path: e, unit: auto}", "1760003600", 3600), Life("{path: e, unit: auto}", "1760003600000", 3600),
        // A duration field that holds an epoch would put the next renewal decades away.
        Life("{path: e, unit: seconds}", "1760003600", 3600),
        Life("{path: e, unit: epoch_s}", "1000", -86_400), Life("{path: e}", "99999999999", 200 * 365.25 * 86_400),
        Life("{path: e}", "1e400", hour), Life("{path: e}", "-5", hour), Life("{path: e}", "\"soon\"", hour),
        Life("{path: e}", "true", hour), Life("{path: e}", "null", hour), Life("{path: e}", "[3]", hour),
        Life("{path: e}", "0", hour), Life("{path: e, zero_means: never}", "0", nil),
        Life("{path: e, zero_means: never}", "\"0\"", nil), Life("{path: e, zero_means: unknown}", "0", nil),
        Life("{path: x, missing_means: never}", "1", nil), Life("{path: x, missing_means: unknown}", "1", nil),
        Life("{path: x, missing_means: lifetime}", "1", hour), Life("{path: null}", "1", hour),
        Life("{path: [x, e]}", "60", 60), Life("{path: x, fallback: {path: e, unit: seconds}}", "60", 60),
        Life("{path: x, unit: epoch_s, fallback: {path: y}, missing_means: never}", "60", nil),
        // Nothing to ask: the entry's lifetime stands in.
        Life("{path: x, missing_means: inspect}", "1", hour),
    ]

    @Test(arguments: lives)
    func `a life is read in its unit`(life: Life) throws {
        let laid = try overlaid(
            """
            providers:
              own:
                extends: oauth2
                inspect: null
                response: {access_token: [a], access_expires: \(life.expiry)}
            """)
        let renewal = try #require(laid["own"]).renewal(from: Sample.answer(#"{"a":"t","e":\#(life.value)}"#))
        if let seconds = life.seconds {
            let end = try #require(renewal.accessExpiresAt)
            #expect(abs(end.timeIntervalSince(Sample.now) - seconds) < 0.01)
            #expect((renewal.life == nil) == (seconds < 0))
        } else {
            #expect(renewal.accessExpiresAt == nil)
            #expect(renewal.life == nil)
        }
        #expect(!renewal.needsInspection)
    }

    @Test func `a Meta token without an end is left to the inspection`() throws {
        for body in [#"{"access_token":"a"}"#, #"{"access_token":"a","expires_in":0}"#] {
            let renewal = try renewal("whatsapp", body)
            #expect(renewal.needsInspection)
            #expect(renewal.accessExpiresAt == nil && renewal.humanDeadlineAt == nil)
        }
        let dated = try renewal("whatsapp", #"{"access_token":"a","expires_in":5183944}"#)
        #expect(!dated.needsInspection)
        #expect(dated.humanDeadlineAt == after(5_183_944))
        let instagram = try renewal("instagram", #"{"access_token":"a"}"#)
        #expect(instagram.accessExpiresAt == after(60 * 86_400))
        #expect(instagram.humanDeadlineAt == instagram.accessExpiresAt)
        #expect(instagram.credential.refreshToken == Secret("old-refresh"))
    }

    @Test func `the end of the refresh token`() throws {
        let testing = try renewal("google", #"{"access_token":"a","refresh_token_expires_in":604799}"#)
        #expect(testing.refreshExpiresAt == after(604_799))
        #expect(testing.humanDeadlineAt == after(604_799))
        let tiktok = try renewal("tiktok", #"{"access_token":"a","expires_in":86400,"refresh_expires_in":31536000}"#)
        #expect(tiktok.refreshExpiresAt == after(31_536_000))
        let silent = try renewal("tiktok", #"{"access_token":"a"}"#)
        #expect(silent.refreshExpiresAt == nil && silent.keepsRefreshExpiry)
        #expect(silent.accessExpiresAt == after(86_400))
        let laid = try overlaid(
            "providers:\n  own: {extends: oauth2, lifetime: {access: 1h, refresh: 365d, refresh_kind: fixed}}")
        #expect(try #require(laid["own"]).renewal(from: Sample.answer(#"{"access_token":"a"}"#)).keepsRefreshExpiry)
    }

    @Test func `TikTok Shop's epochs, account and shop`() throws {
        let renewal = try renewal(
            "tiktok-shop",
            #"{"code":0,"data":{"access_token":"a","access_token_expire_in":1760604800,"refresh_token":"r","refresh_token_expire_in":4903858076,"open_id":"7010736057180325637","seller_name":"Jjj","seller_base_region":"ID","user_type":0,"granted_scopes":["x","y"]}}"#
        )
        #expect(renewal.accessExpiresAt == after(604_800))
        #expect(renewal.refreshExpiresAt == Date(timeIntervalSince1970: 4_903_858_076))
        #expect(renewal.externalID == "7010736057180325637")
        #expect(renewal.credential.scopes == ["x", "y"])
        #expect(renewal.details == ["seller_name": "Jjj", "region": "ID", "user_type": "0"])
    }

    @Test func `scopes come with spaces or commas`() throws {
        #expect(try renewal("tiktok", #"{"access_token":"a","scope":"u.b,v.l"}"#).credential.scopes == ["u.b", "v.l"])
        #expect(try renewal("google", #"{"access_token":"a","scope":"x y"}"#).credential.scopes == ["x", "y"])
        #expect(try renewal("google", #"{"access_token":"a","scope":""}"#).credential.scopes == ["read"])
        let long = try renewal("google", #"{"access_token":"a","scope":"\#(String(repeating: "s ", count: 500))"}"#)
        #expect(long.credential.scopes.count == 200)
    }

    @Test func `a strange token type is not believed`() throws {
        #expect(try renewal("google", #"{"access_token":"a","token_type":"bearer"}"#).credential.tokenType == "Bearer")
        #expect(try renewal("google", #"{"access_token":"a","token_type":"MAC"}"#).credential.tokenType == "MAC")
        #expect(
            try renewal("google", #"{"access_token":"a","token_type":"x\r\nEvil: 1"}"#).credential.tokenType == "Bearer"
        )
    }

    @Test func `an answer that is no success gives no credential`() throws {
        let google = try entry("google")
        #expect(throws: AnswerError.self) { try google.renewal(from: Sample.answer("<html>")) }
        #expect(throws: AnswerError.self) { try google.renewal(from: Sample.answer(#"{"access_token":"a""#)) }
        #expect(throws: AnswerError.self) {
            try google.renewal(from: Sample.answer(#"{"access_token":"a"}"#, status: 400))
        }
        let long = String(repeating: "a", count: 256 * 1024 + 1)
        #expect(throws: AnswerError.tokenTooLong) {
            try google.renewal(from: Sample.answer(#"{"access_token":"\#(long)"}"#))
        }
    }

    @Test func `a form answer is understood where the entry says so`() throws {
        let laid = try overlaid(
            """
            providers:
              own:
                extends: oauth2
                response: {format: form, success: [{path: error, absent: true}], access_token: access_token, refresh_token: refresh_token, access_expires: {path: expires_in}}
            """)
        let entry = try #require(laid["own"])
        let renewal = try entry.renewal(from: Sample.answer("access_token=a%2Fb+c&expires_in=60&refresh_token="))
        #expect(renewal.credential.accessToken == Secret("a/b c"))
        #expect(renewal.life == .seconds(60))
        #expect(entry.failure(200, "error=invalid_grant&x=%zz")?.isNamed == false)
        #expect(entry.failure(200, "error=invalid_grant")?.answerClass == .reauth)
        #expect(entry.failure(400, "<html>a=b</html>")?.isNamed == false)
        #expect(entry.failure(200, #"{"error":"invalid_grant"}"#)?.answerClass == .reauth)
    }

    @Test func `a new token after a code counts as any other answer`() throws {
        let answer = Sample.answer(
            #"{"access_token":"a","refresh_token":"r","expires_in":3599}"#, presented: Credential())
        let grant = try entry("youtube").renewal(from: answer, phase: .exchange)
        #expect(grant.credential.refreshToken == Secret("r"))
        #expect(grant.refreshTokenChanged)
    }

    @Test func `no renewal prints a token`() throws {
        let renewal = try renewal(
            "google", #"{"access_token":"\#(Sample.access)","refresh_token":"\#(Sample.refresh)"}"#)
        var dumped = ""
        dump(renewal, to: &dumped)
        for text in ["\(renewal)", dumped, String(reflecting: renewal)] {
            #expect(!text.contains(Sample.access) && !text.contains(Sample.refresh) && !text.contains("old-refresh"))
        }
    }
}
