package import Domain
package import FoundationEssentials

/// The claims of an OpenID Connect identity token that came straight from the token endpoint over TLS, which is why its
/// signature need not be checked (OpenID Connect Core 1.0 §3.1.3.7 point 6).
package struct IdentityToken: Sendable, Equatable {
    package var issuer: String?
    package var subject: String?
    package var audiences: [String]
    package var nonce: String?

    init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let bytes = Base64URL.bytes(parts[1]), let claims = JSONParser.parse(bytes),
            claims.isObject
        else { return nil }
        issuer = claims["iss"]?.scalar
        subject = claims["sub"]?.token.map { String($0.prefix(200)) }
        audiences =
            switch claims["aud"] {
            case .array(let items)?: items.prefix(20).compactMap(\.scalar)
            case let one: [one?.scalar].compactMap(\.self)
            }
        nonce = claims["nonce"]?.scalar
    }
}

extension ProviderEntry {
    /// The identity token of a code's answer, if it has one that can be read.
    package func identityToken(in answer: JournalAnswer) -> IdentityToken? {
        AnswerBody(answer.body, format: self.answer.format).root["id_token"]?.scalar.flatMap { IdentityToken($0) }
    }

    /// The account's id in the answer of ``identifyRequest(_:)``.
    ///
    /// - Throws: ``AnswerError/refused(_:)``.
    package func identity(
        status: Int, headers: [HeaderField], body: [UInt8], presented: [Secret] = [], at now: Date = Date()
    ) throws(AnswerError) -> String? {
        let body = AnswerBody(body, format: .json)
        if case .failure(let failure) = verdict(
            status: status, headers: headers, body: body, phase: .inspect, presented: presented, now: now)
        {
            throw .refused(failure)
        }
        return identity.lazy.compactMap { $0.value(in: body.root)?.token }.first.map { String($0.prefix(200)) }
    }

    /// The connection parameters that a token answer brings (`source: token_response.…`), where they are fit for use.
    package func parameters(ofAnswer answer: JournalAnswer) -> [String: String] {
        let root = AnswerBody(answer.body, format: self.answer.format).root
        var found: [String: String] = [:]
        for parameter in connectionParameters {
            guard case .tokenResponse(let text) = parameter.source, !parameter.isEndpoint,
                let value = BodyPath(text)?.value(in: root)?.token, parameter.problem(with: value) == nil
            else { continue }
            found[parameter.name] = value
        }
        return found
    }

    /// When the provider is asked about a token whose end could not be learned.
    package static var inspectionPause: Duration { .seconds(600) }

    /// When a channel is refreshed after this answer, but never so early that the provider would be asked again about
    /// a token it has just given out.
    package func dueAt(after renewal: Renewal, channel: ChannelID) -> Date? {
        let issued = renewal.accessIssuedAt
        if renewal.needsInspection { return issued.addingTimeInterval(Self.inspectionPause.seconds) }
        if renewal.accessExpiresAt == nil, renewalTime.keepAlive == nil, canInspect {
            return policy.inspectEvery.map { issued.addingTimeInterval($0.seconds) }
        }
        let due = renewalTime.dueAt(
            channel: channel, issuedAt: issued, expiresAt: renewal.accessExpiresAt, life: renewal.life)
        guard let due else { return nil }
        let earliest = issued.addingTimeInterval(max(policy.minAge, policy.interval(life: renewal.life)).seconds)
        guard let expiry = renewal.accessExpiresAt, earliest >= expiry else { return max(due, earliest) }
        return max(due, issued.addingTimeInterval(60))
    }
}
