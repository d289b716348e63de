package import Domain
package import FoundationEssentials

/// What an answer means.
package enum Verdict: Sendable, Equatable {
    case success
    case failure(AnswerFailure)
}

/// An answer that is not a success, classified by the entry's rules.
///
/// Holds no secret.
package struct AnswerFailure: Sendable, Equatable {
    package var answerClass: AnswerClass
    /// The rule's name, or `unmatched_4xx`, `unusable_2xx`, `redirected`, `unmatched`.
    package var reason: String
    /// A rule matched a body that was understood: only then a class is a verdict on the grant.
    package var isNamed: Bool
    /// Whether the presented token was used up; nil is unknown (PROTOCOL §6).
    package var consumed: Bool?
    /// At most seven days.
    package var retryAfter: Duration?
    /// `relocate` where the entry can look up where the account moved.
    package var first: String?
    /// The provider's own id of the answer, for its support.
    package var providerRequestID: String?
    /// A sentence for people, at most 300 characters.
    package var message: String

    package init(
        answerClass: AnswerClass, reason: String, isNamed: Bool, consumed: Bool? = nil, retryAfter: Duration? = nil,
        first: String? = nil, providerRequestID: String? = nil, message: String = ""
    ) {
        self.answerClass = answerClass
        self.reason = reason
        self.isNamed = isNamed
        self.consumed = consumed
        self.retryAfter = retryAfter
        self.first = first
        self.providerRequestID = providerRequestID
        self.message = message
    }
}

extension ProviderEntry {
    /// Classifies an answer: success, own rules, inherited rules, then what the status alone allows.
    ///
    /// - Parameters:
    ///   - presented: secrets of the request; none of their text is in the message.
    ///   - now: against which a `Retry-After` date counts.
    package func verdict(
        status: Int, headers: [HeaderField], body: [UInt8], phase: Phase = .refresh, presented: [Secret] = [],
        now: Date = Date()
    ) -> Verdict {
        let body = AnswerBody(body, format: answer.format)
        return verdict(status: status, headers: headers, body: body, phase: phase, presented: presented, now: now)
    }

    func verdict(
        status: Int, headers: [HeaderField], body: AnswerBody, phase: Phase, presented: [Secret], now: Date
    ) -> Verdict {
        if isSuccess(status: status, body: body, phase: phase) { return .success }
        var failure = AnswerFailure(answerClass: .unknown, reason: "unmatched", isNamed: false)
        var wait: Duration?
        if let rule = rules.first(where: { $0.matches(status: status, body: body, phase: phase) }) {
            failure.answerClass = rule.answerClass
            failure.reason = rule.reason
            failure.isNamed = rule.isNamed && body.isParsed
            failure.consumed = rule.consumed ?? Self.consumed(by: rule.answerClass, status: status)
            failure.first = rule.first == "relocate" && hasRelocation ? rule.first : nil
            wait = rule.wait
        } else {
            switch status {
            case 400..<500:
                failure.reason = "unmatched_4xx"
                failure.consumed = Self.consumed(by: .unknown, status: status)
            case 200..<300:
                failure.reason = "unusable_2xx"
                failure.answerClass = body.isParsed ? .unknown : .transient
            case 300..<400: failure.reason = "redirected"
            case 500..<600:
                failure.reason = "http_5xx"
                failure.answerClass = .transient
            default: break
            }
        }
        // A status, an empty body or markup is never a verdict on a grant, whatever a file says (PROTOCOL §7).
        if failure.answerClass == .reauth, !failure.isNamed { failure.answerClass = .unknown }
        // Where only the token was shown, a bare refusal is not the app's either.
        if phase == .inspect, failure.answerClass == .client, !failure.isNamed, requests[.inspect]?.presentsApp != true
        {
            failure.answerClass = .unknown
        }
        let text = AnswerText(presented: presented.map { $0.reveal() })
        failure.retryAfter =
            retryAfter.lazy.compactMap { $0.duration(headers: headers, body: body.root, now: now) }.first
        failure.retryAfter = failure.retryAfter ?? wait
        failure.providerRequestID = text.requestID(headers: headers, body: body.root)
        failure.message = text.message(of: self, status: status, reason: failure.reason, body: body.root)
        return .failure(failure)
    }

    /// A refusal spends nothing; what a broken or cut answer did is unknown (PROTOCOL §6).
    private static func consumed(by answerClass: AnswerClass, status: Int) -> Bool? {
        switch answerClass {
        case .reauth, .suspended, .client, .request, .rateLimited, .tooEarly: false
        case .unknown: (400..<500).contains(status) && status != 408 && status != 425 ? false : nil
        case .transient: nil
        }
    }

    private func isSuccess(status: Int, body: AnswerBody, phase: Phase) -> Bool {
        guard (200..<300).contains(status) else { return false }
        switch phase {
        case .revoke: return !body.isParsed || answer.success.allSatisfy { $0.holds(in: body.root) }
        case .inspect: return body.isList || body.isParsed && !inspectionRefuses(body.root)
        case .probe: return body.isParsed && !inspectionRefuses(body.root)
        case .exchange, .refresh:
            return body.isParsed && answer.success.allSatisfy { $0.holds(in: body.root) }
                && answer.accessToken.contains { $0.value(in: body.root)?.token != nil }
        }
    }

    /// A 2xx inspection that one of the entry's own rules names is no report.
    private func inspectionRefuses(_ root: JSONValue) -> Bool {
        // TikTok's calls say `error: {code: ok}` when there is none.
        inspection.alive == nil
            && root["error"].map { $0 != .null && $0 != .string("") && $0["code"] != .string("ok") } ?? false
    }
}
