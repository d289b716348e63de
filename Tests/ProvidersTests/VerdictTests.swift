import Domain
import FoundationEssentials
import Testing

@testable import Providers

@Suite("Verdicts")
struct VerdictTests {
    static let pages = [
        "", " ", "<html>invalid_grant</html>", "null", "[]", "\"invalid_grant\"", "{", "{}", "not json",
    ]

    @Test(arguments: CatalogueTests.names)
    func `no status and no page is a verdict on a grant`(name: String) throws {
        let entry = try entry(name)
        for status in [200, 204, 302, 404, 408, 410, 425, 429, 500, 503] + Array(400...405) {
            for page in Self.pages {
                let failure = try #require(entry.failure(status, page))
                #expect(failure.answerClass != .reauth, "\(status) \(page)")
                #expect(!failure.isNamed, "\(status) \(page)")
            }
        }
    }

    @Test func `a named rule on a parsed body is a verdict`() throws {
        let failure = try #require(
            entry("facebook").failure(
                400, #"{"error":{"message":"Session has expired","code":190,"error_subcode":463,"fbtrace_id":"AbC"}}"#))
        #expect(failure.answerClass == .reauth)
        #expect(failure.reason == "token_expired")
        #expect(failure.isNamed)
        #expect(failure.consumed == false)
        #expect(failure.providerRequestID == "AbC")
        #expect(failure.message == "Facebook answered HTTP 400 (token_expired): Session has expired")
    }

    @Test func `amoCRM's statuses are not verdicts`() throws {
        let amocrm = try entry("amocrm")
        #expect(amocrm.failure(403, "<html>")?.answerClass == .suspended)
        #expect(amocrm.failure(403, "<html>")?.isNamed == false)
        #expect(amocrm.failure(404, "{}")?.answerClass == .unknown)
        #expect(amocrm.failure(404, "{}")?.reason == "account_moved_or_deleted")
        #expect(amocrm.failure(404, "{}")?.first == nil)
        #expect(amocrm.failure(422, #"{"title":"?"}"#)?.answerClass == .unknown)
        #expect(amocrm.failure(403, #"{"hint":"Token has been revoked"}"#)?.answerClass == .reauth)
    }

    @Test func `a moved account is looked up only where the operator named the host`() throws {
        let laid = try overlaid("providers:\n  amocrm: {vars: {shared_api_host: api.amocrm.example}}")
        #expect(laid["amocrm"]?.failure(404)?.first == "relocate")
    }

    @Test func `what an answer may have consumed`() throws {
        let google = try entry("google")
        #expect(google.failure(503)?.consumed == nil)
        #expect(google.failure(408)?.consumed == nil)
        #expect(google.failure(425)?.consumed == nil)
        #expect(google.failure(200, "<html>")?.consumed == nil)
        #expect(google.failure(200, "{}")?.consumed == nil)
        #expect(google.failure(302)?.consumed == nil)
        #expect(google.failure(429)?.consumed == false)
        #expect(google.failure(404)?.consumed == false)
        #expect(google.failure(400, #"{"error":"invalid_grant"}"#)?.consumed == false)
        #expect(google.failure(400, #"{"error":"rate_limit_exceeded"}"#)?.consumed == false)
        #expect(try entry("tiktok").failure(200, #"{"error":"server_error"}"#)?.consumed == nil)
    }

    @Test func `failing to authenticate the app at the inspection is the app's`() throws {
        #expect(try entry("oauth2").failure(401, "", phase: .inspect)?.answerClass == .client)
        let meta = try #require(entry("whatsapp").failure(400, #"{"error":{"code":190}}"#, phase: .inspect))
        #expect(meta.answerClass == .client)
        #expect(meta.reason == "app_token_rejected")
    }

    @Test func `error may be a text or an object`() throws {
        #expect(
            try entry("tiktok").failure(200, #"{"error":{"code":"ok"},"access_token":"a"}"#)?.answerClass == .unknown)
        #expect(try entry("tiktok").failure(400, #"{"error":"invalid_grant"}"#)?.answerClass == .reauth)
        #expect(try entry("google").failure(400, #"{"error":{"error":"invalid_grant"}}"#)?.answerClass == .unknown)
        #expect(try entry("oauth2").failure(400, #"{"error":["invalid_grant"]}"#)?.answerClass == .reauth)
    }

    @Test func `values compare as text, whatever their JSON type`() throws {
        let shop = try entry("tiktok-shop")
        for code in ["0", "\"0\""] {
            let body = #"{"code":\#(code),"data":{"access_token":"a"}}"#
            #expect(shop.verdict(status: 200, headers: [], body: Array(body.utf8)) == .success)
        }
        #expect(shop.failure(200, #"{"code":"36004005"}"#)?.answerClass == .reauth)
        #expect(
            try entry("facebook").failure(400, #"{"error":{"is_transient":"true","code":9}}"#)?.answerClass
                == .transient)
    }

    @Test func `of two members with one name the last counts`() throws {
        #expect(try entry("google").failure(400, #"{"error":"x","error":"invalid_grant"}"#)?.answerClass == .reauth)
    }

    @Test func `a success needs 2xx, the predicates and a token that is not blank`() throws {
        let google = try entry("google")
        for body in [
            #"{"access_token":""}"#, #"{"access_token":" \n"}"#, #"{"access_token":null}"#, #"{"access_token":{}}"#,
            #"{"access_token":true}"#, #"{"Access_Token":"a"}"#,
        ] {
            #expect(google.failure(200, body) != nil)
        }
        #expect(google.failure(400, #"{"access_token":"a"}"#) != nil)
        #expect(google.failure(201, #"{"access_token":"a"}"#) == nil)
        #expect(try entry("tiktok-legacy").failure(200, #"{"message":"error","data":{"access_token":"a"}}"#) != nil)
        #expect(try entry("tiktok-legacy").failure(200, #"{"message":"success","data":{"access_token":"a"}}"#) == nil)
    }

    struct Wait: Sendable {
        var headers: [HeaderField] = []
        var body = "{}"
        var seconds: Int?
    }

    @Test(arguments: [
        Wait(headers: [HeaderField("retry-after", "120")], seconds: 120),
        Wait(headers: [HeaderField("Retry-After", "Thu, 09 Oct 2025 08:54:20 GMT")], seconds: 60),
        Wait(headers: [HeaderField("Retry-After", "Thu, 09 Oct 2025 08:00:00 GMT")], seconds: nil),
        Wait(headers: [HeaderField("Retry-After", "99999999999999999999")], seconds: 7 * 86_400),
        Wait(headers: [HeaderField("Retry-After", "-5")], seconds: nil),
        Wait(headers: [HeaderField("Retry-After", "nan")], seconds: nil),
        Wait(headers: [HeaderField("Retry-After", "soon")], body: #"{"retry_after":7}"#, seconds: 7),
        Wait(body: #"{"retry_after":"12"}"#, seconds: 12), Wait(body: #"{"retry_after":[1]}"#, seconds: nil),
    ])
    func `the wait is read from header or body and bounded`(wait: Wait) throws {
        let failure = try entry("amocrm").failure(429, wait.body, headers: wait.headers)
        #expect(failure?.retryAfter == wait.seconds.map { .seconds($0) })
    }

    @Test func `Meta's wait stands as JSON in a header, in minutes`() throws {
        let usage =
            #"{"123":[{"type":"ads","estimated_time_to_regain_access":3}],"9":[{"estimated_time_to_regain_access":5}]}"#
        let failure = try entry("facebook-ads").failure(
            400, #"{"error":{"code":80000}}"#, headers: [HeaderField("x-business-use-case-usage", usage)])
        #expect(failure?.retryAfter == .seconds(300))
        #expect(failure?.answerClass == .rateLimited)
    }

    @Test func `a rule's own wait counts when the provider names none`() throws {
        let laid = try overlaid(
            """
            providers:
              own:
                extends: oauth2
                errors: [{when: {body: {error: slow}}, class: rate_limited, reason: slow, wait: 10m}]
            """)
        #expect(laid["own"]?.failure(400, #"{"error":"slow"}"#)?.retryAfter == .seconds(600))
        #expect(
            laid["own"]?.failure(400, #"{"error":"slow"}"#, headers: [HeaderField("Retry-After", "5")])?.retryAfter
                == .seconds(5))
    }

    @Test func `the provider's id of the answer is kept when it is harmless`() throws {
        let google = try entry("google")
        #expect(google.failure(400, #"{"log_id":"2026-A_1"}"#)?.providerRequestID == "2026-A_1")
        #expect(google.failure(400, "", headers: [HeaderField("X-Request-Id", "r-1")])?.providerRequestID == "r-1")
        #expect(google.failure(400, #"{"request_id":"<script>"}"#)?.providerRequestID == nil)
        #expect(
            google.failure(400, #"{"request_id":"\#(Sample.access)"}"#, presented: [Secret(Sample.access)])?
                .providerRequestID == nil)
    }

    @Test(arguments: [
        "Token \(Sample.access) is bad", "token=\(Sample.access)&x", "bad:\(Sample.access.prefix(14))…", Sample.access,
        "pre\(Sample.access)post", "…\(Sample.access.suffix(13))",
        String(repeating: "x ", count: 90) + Sample.access, "AT-secret-0123456789ab",
    ])
    func `no message holds the presented token`(text: String) throws {
        let body = "{\"error\":\"weird\",\"error_description\":\"\(text)\"}"
        let failure = try #require(
            entry("google").failure(400, body, presented: [Secret(Sample.access), Secret("rt")]))
        #expect(!failure.message.contains("0123456789"))
        #expect(!failure.message.contains("secret-0"))
        #expect(!"\(failure)".contains("0123456789abcdef"))
    }

    @Test func `what looks like a token is left out even if nobody said it was one`() throws {
        let failure = try entry("google").failure(
            400, #"{"error_description":"The code 4/0AY0e-g7abcdefghijklmnop is used, see https://a.example/help"}"#)
        #expect(
            failure?.message
                == "Google answered HTTP 400 (unmatched_4xx): The code … is used, see https://a.example/help")
    }

    @Test func `a message is one short line without tricks`() throws {
        let body =
            "{\"error_description\":\"a\\u0000b\\n\\nc\\u202Ed\\u200be \u{2066}f\\u2028g"
            + String(repeating: " word", count: 300) + "\"}"
        let message = try #require(entry("google").failure(400, body)).message
        #expect(message.hasPrefix("Google answered HTTP 400 (unmatched_4xx): a\u{FFFD}b cde f g word word"))
        #expect(message.count <= 300)
        #expect(
            message.unicodeScalars.allSatisfy {
                $0.properties.generalCategory != .control && $0.properties.generalCategory != .format
            })
    }
}
