import Domain
import FoundationEssentials
import TestSupport
import Testing

@testable import Notifier

/// What each answer of a receiver means: docs/messages.md has the same table in words.
@Suite("Answers of receivers") struct CodeTableTests {
    enum Meaning: Equatable {
        case accepted, retry, parks, dead, degrades

        init(_ verdict: AttemptEnd.Verdict) {
            self =
                switch verdict {
                case .accepted: .accepted
                case .retry(_, parks: true): .parks
                case .retry: .retry
                case .permanent(degrades: true): .degrades
                case .permanent: .dead
                }
        }
    }

    private static let clientErrors = Array(400...431) + [444, 451, 499]
    private static let serverErrors = Array(500...511) + [520, 521, 522, 523, 524, 525, 530, 599]

    // MARK: Webhooks

    @Test func `webhooks: every status`() {
        let redaction = Redaction(Sample.configuration(.webhook))
        func meaning(_ status: Int, _ retryAfter: String? = nil) -> Meaning {
            let headers = retryAfter.map { [HeaderField("Retry-After", $0)] } ?? []
            let end = WebhookTransport.judge(
                IncomingResponse(status: status, headers: headers), redaction, now: Sample.date)
            #expect(end.code == "\(status)" && end.sentence.hasSuffix("."))
            return Meaning(end.verdict)
        }
        for status in 200...299 { #expect(meaning(status) == .accepted, "\(status)") }
        for status in [300, 301, 302, 303, 304, 307, 308] { #expect(meaning(status) == .retry, "\(status)") }
        let own: [Int: Meaning] = [410: .degrades, 413: .dead, 429: .parks]
        for status in Self.clientErrors { #expect(meaning(status) == own[status] ?? .retry, "\(status)") }
        for status in Self.serverErrors { #expect(meaning(status) == .retry, "\(status)") }
        for status in [429, 502, 503, 504] { #expect(meaning(status, "5") == .parks, "\(status)") }
        for status in [408, 409, 425, 500] { #expect(meaning(status, "5") == .retry, "\(status)") }
    }

    // MARK: Slack's incoming webhooks

    @Test func `Slack webhooks: every status and word`() {
        let redaction = Redaction(Sample.configuration(.slackWebhook))
        func meaning(_ status: Int, _ body: String = "", tries: Int = 1) -> Meaning {
            Meaning(
                SlackWebhookTransport.judge(
                    IncomingResponse(status: status, body: Array(body.utf8)), redaction, tries: tries, now: Sample.date
                ).verdict)
        }
        #expect(meaning(200, "ok") == .accepted)
        for body in ["", "OK", "ok!", "<html>", "invalid_payload"] { #expect(meaning(200, body) == .retry, "\(body)") }
        for status in [201, 204, 301, 302, 307, 308] { #expect(meaning(status, "ok") == .retry, "\(status)") }
        for word in [
            "invalid_payload", "invalid_blocks", "no_text", "user_not_found", "missing_text_or_fallback_or_attachments",
            "too_many_attachments", "posting_to_general_channel_denied", "a_word_of_tomorrow",
        ] {
            #expect(meaning(400, word) == .dead, "\(word)")
        }
        for (status, word) in [
            (400, "invalid_token"), (401, ""), (403, "invalid_token"), (403, "action_prohibited"), (404, "no_service"),
            (404, "no_active_hooks"), (404, "no_team"), (404, "no_service_id"), (410, "channel_is_archived"),
        ] {
            #expect(meaning(status, word) == .degrades, "\(status) \(word)")
        }
        #expect(meaning(404, "channel_not_found") == .retry)
        #expect(meaning(404, "channel_not_found", tries: 2) == .degrades)
        let own: [Int: Meaning] = [
            401: .degrades, 403: .degrades, 404: .degrades, 408: .retry, 410: .degrades, 425: .retry, 429: .parks,
        ]
        for status in Self.clientErrors { #expect(meaning(status) == own[status] ?? .dead, "\(status)") }
        for status in Self.serverErrors { #expect(meaning(status, "rollup_error") == .retry, "\(status)") }
    }

    // MARK: Slack's Web API

    @Test func `Slack's bot: every status and word`() {
        let redaction = Redaction(Sample.configuration(.slackWebhook))
        func judge(_ status: Int, _ body: String) -> SlackAPI.End {
            SlackAPI.judge(IncomingResponse(status: status, body: Array(body.utf8)), redaction, now: Sample.date)
        }
        #expect(Meaning(judge(200, #"{"ok":true,"channel":"C1","ts":"1.2"}"#).end.verdict) == .accepted)
        let words: [(Meaning, [String])] = [
            (
                .degrades,
                [
                    "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope",
                    "no_permission", "org_login_required", "ekm_access_denied", "team_access_not_granted",
                    "channel_not_found", "not_in_channel", "is_archived", "restricted_action", "messages_tab_disabled",
                ]
            ),
            (.parks, ["ratelimited", "rate_limited", "message_limit_exceeded"]),
            (.retry, ["internal_error", "fatal_error", "service_unavailable", "request_timeout"]),
            (
                .dead,
                [
                    "invalid_blocks", "msg_blocks_too_long", "msg_too_long", "no_text", "message_not_found",
                    "cant_update_message", "edit_window_closed", "thread_not_found", "invalid_arguments", "unknown",
                    "a_word_of_tomorrow", "",
                ]
            ),
        ]
        for (meaning, list) in words {
            for word in list {
                let end = judge(200, #"{"ok":false,"error":"\#(word)"}"#).end
                #expect(Meaning(end.verdict) == meaning, "\(word)")
                #expect(end.code == word && end.sentence.hasSuffix("."))
            }
        }
        #expect(judge(200, #"{"ok":false,"error":"<!x> https://evil \n"}"#).end.code == "xhttpsevil")
        #expect(Meaning(judge(200, #"{"ok":false}"#).end.verdict) == .dead)
        for body in ["", "ok", "<html>", "[]", #"{"ok":"#] { #expect(Meaning(judge(200, body).end.verdict) == .retry) }
        let own: [Int: Meaning] = [401: .degrades, 403: .degrades, 408: .retry, 425: .retry, 429: .parks]
        for status in Self.clientErrors {
            #expect(Meaning(judge(status, "x").end.verdict) == own[status] ?? .dead, "\(status)")
        }
        for status in Self.serverErrors + [301, 302, 307] {
            #expect(Meaning(judge(status, "x").end.verdict) == .retry, "\(status)")
        }
    }

    // MARK: Mail

    @Test func `mail: every reply code`() {
        func meaning(_ end: MailEnd) -> Meaning {
            Meaning(MailTransport.judge(end, Redaction(Sample.configuration(.email))).verdict)
        }
        for code in 200...299 { #expect(meaning(.accepted(code: code)) == .accepted) }
        // 421 to 454 and every other 4yz: later, and not sooner than a greylisting server wants.
        for code in 400...499 {
            #expect(meaning(.refused(code: code, message: "later")) == .retry, "\(code)")
            guard
                case .retry(let after?, _) = MailTransport.judge(
                    .refused(code: code, message: ""), Redaction(Sample.configuration(.email))
                ).verdict
            else {
                Issue.record("\(code)")
                return
            }
            #expect(after == .seconds(300))
        }
        let own: [Int: Meaning] = [530: .degrades, 534: .degrades, 535: .degrades, 538: .degrades]
        for code in 500...599 {
            #expect(meaning(.refused(code: code, message: "no")) == own[code] ?? .dead, "\(code)")
        }
        #expect(meaning(.notAuthenticated(message: "no")) == .degrades)
        #expect(meaning(.notSent(message: "no route")) == .retry)
        #expect(meaning(.lost(message: "reset")) == .retry)
    }

    // MARK: Retry-After

    @Test(
        arguments: [
            ("7", 7), ("0", 1), ("-5", 1), ("0.2", 1), ("1.5", 2), ("3600", 3600), ("3601", 3600), ("1e9", 3600),
            ("Thu, 28 May 2026 20:26:50 GMT", 10), ("Thu, 28 May 2026 20:00:00 GMT", 1),
            ("Fri, 29 May 2026 20:26:40 GMT", 3600), ("soon", nil), ("", nil), ("nan", nil), ("inf", nil),
            ("28 May 2026", nil),
        ] as [(String, Int?)])
    func `Retry-After in seconds or as a date, within a second and an hour`(_ text: String, _ seconds: Int?) {
        let response = IncomingResponse(status: 429, headers: [HeaderField("retry-after", text)])
        #expect(HTTPAttempt.retryAfter(response, now: Sample.date) == seconds.map { .seconds($0) })
    }

    // MARK: The network

    @Test func `whatever is not an answer is tried again, and says whether it may have arrived`() {
        let redaction = Redaction(Sample.configuration(.webhook))
        for code in ["resolve", "connect", "tls", "address_refused", "late"] {
            let end = HTTPAttempt.end(notSent: code, "no", redaction)
            #expect(Meaning(end.verdict) == .retry && !end.maybeArrived && end.code == code)
        }
        for code in ["timeout", "reset", "stream"] {
            let end = HTTPAttempt.end(lost: code, "no", redaction)
            #expect(Meaning(end.verdict) == .retry && end.maybeArrived)
        }
    }
}
