import Domain
import FoundationEssentials

/// Slack's Web API: which call, and what its answers mean.
///
/// A call that failed is answered with status 200, `ok: false` and a word.
enum SlackAPI {
    enum Method: String {
        case post = "chat.postMessage"
        case update = "chat.update"
        /// Shown to one person, and to nobody after they reload.
        case ephemeral = "chat.postEphemeral"
    }

    /// A message and where it goes; absent values are left out.
    struct Call: Encodable {
        var channel: String
        var text: String
        var blocks: [SlackBlock]
        var ts: String?
        var threadTS: String?
        /// Of an ephemeral message.
        var user: String?
        var unfurlLinks: Bool? = false
        var unfurlMedia: Bool? = false

        private enum CodingKeys: String, CodingKey {
            case channel, text, blocks, ts, user
            case threadTS = "thread_ts"
            case unfurlLinks = "unfurl_links"
            case unfurlMedia = "unfurl_media"
        }
    }

    struct Answer: Decodable {
        var ok: Bool
        var error: String?
        var channel: String?
        var ts: String?
    }

    static let base = "https://slack.com"

    static func request(_ method: Method, _ call: Call, token: Secret, api: Secret?) -> OutgoingRequest {
        OutgoingRequest(
            method: "POST", url: Secret((api?.reveal() ?? base) + "/api/" + method.rawValue),
            headers: [
                HeaderField("authorization", "Bearer " + token.reveal()),
                HeaderField("content-type", "application/json; charset=utf-8"), HeaderField("user-agent", "Tokenward"),
            ], body: SlackPayload.json(call))
    }

    /// What Slack's word for a failure asks for.
    enum Fault: Equatable {
        /// Token or app: a human must mend the destination.
        case token
        /// The channel is gone, archived or closed to the bot.
        case channel
        case rateLimited
        case transient
        /// The message itself; once more in plain text.
        case blocks
        /// The earlier message cannot be changed or answered any more: post anew.
        case edit
        /// Of this message alone.
        case message
    }

    static func fault(_ word: String) -> Fault {
        switch word {
        case "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "no_permission",
            "missing_scope", "not_allowed_token_type", "org_login_required", "ekm_access_denied", "access_denied",
            "team_access_not_granted", "enterprise_is_restricted", "accesslimited", "two_factor_setup_required",
            "invalid_arg_name", "deprecated_endpoint", "method_deprecated":
            .token
        case "channel_not_found", "not_in_channel", "is_archived", "restricted_action",
            "restricted_action_read_only_channel", "restricted_action_non_threadable_channel",
            "restricted_action_thread_only_channel", "restricted_action_thread_locked", "messages_tab_disabled",
            "user_not_in_channel", "external_channel_migrating", "channel_type_not_supported", "team_not_found":
            .channel
        case "ratelimited", "rate_limited", "message_limit_exceeded": .rateLimited
        case "internal_error", "fatal_error", "request_timeout", "service_unavailable", "team_added_to_org",
            "temporarily_unavailable", "failed_checking_access":
            .transient
        case "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "block_mismatch",
            "invalid_attachments", "too_many_attachments", "msg_too_long":
            .blocks
        case "message_not_found", "cant_update_message", "edit_window_closed", "cannot_reply_to_message",
            "thread_not_found", "thread_locked", "is_inactive", "update_failed":
            .edit
        default: .message
        }
    }

    /// How a call ended.
    struct End {
        var end: AttemptEnd
        var fault: Fault?
        var answer: Answer?
    }

    static func judge(_ response: IncomingResponse, _ redaction: Redaction, now: Date) -> End {
        let retryAfter = HTTPAttempt.retryAfter(response, now: now)
        let answer = try? JSONDecoder().decode(Answer.self, from: Data(response.body))
        func end(
            _ verdict: AttemptEnd.Verdict, _ code: String, _ sentence: String, arrived: Bool, fault: Fault? = nil
        ) -> End {
            End(
                end: AttemptEnd(
                    verdict, code: code, sentence: sentence, maybeArrived: arrived,
                    excerpt: redaction.excerpt(response.body)), fault: fault, answer: answer)
        }
        let status = response.status
        if status == 429 {
            return end(
                .retry(after: retryAfter ?? .seconds(30), parks: true), "429", "Slack asks for fewer messages (429).",
                arrived: false, fault: .rateLimited)
        }
        guard status == 200, let answer else {
            if (400..<500).contains(status), status != 408, status != 425 {
                return end(
                    .permanent(degrades: status == 401 || status == 403), "\(status)",
                    "Slack refuses the call (\(status)).", arrived: false)
            }
            return end(
                .retry(after: retryAfter), "\(status)", "Slack answered \(status) and no JSON.", arrived: status != 408)
        }
        guard !answer.ok else { return end(.accepted, "ok", "Slack took the message.", arrived: true) }
        // A stranger's answer must not get into a log or a code.
        let word = String((answer.error ?? "unknown").prefix(60).filter { $0.isASCII && ($0.isLetter || $0 == "_") })
        let fault = fault(word)
        let (verdict, sentence): (AttemptEnd.Verdict, String) =
            switch fault {
            case .token:
                (.permanent(degrades: true), "Slack refuses the bot (\(word)): correct the token or the app's scopes.")
            case .channel:
                (
                    .permanent(degrades: true),
                    "The bot cannot post to the channel (\(word)): invite it, or name another."
                )
            case .rateLimited:
                (.retry(after: retryAfter ?? .seconds(30), parks: true), "Slack asks for fewer messages (\(word)).")
            case .transient: (.retry(after: retryAfter), "Slack cannot do it now (\(word)).")
            case .blocks, .edit, .message: (.permanent(degrades: false), "Slack refuses the message (\(word)).")
            }
        return end(verdict, word, sentence, arrived: fault == .transient, fault: fault)
    }
}
