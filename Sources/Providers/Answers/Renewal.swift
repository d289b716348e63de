package import Domain
package import FoundationEssentials

/// A credential made from an answer (PROTOCOL §3.6), ready to be stored.
package struct Renewal: Sendable {
    /// The new pair; what the answer leaves out is carried over from the presented one.
    package var credential: Credential
    package var accessIssuedAt: Date
    /// Nil: it never ends, or its end is not known (``needsInspection``).
    package var accessExpiresAt: Date?
    /// Nil: no end, not known, or see ``keepsRefreshExpiry``.
    package var refreshExpiresAt: Date?
    /// The answer says nothing and the grant's end is fixed at the consent: what is stored stays true.
    package var keepsRefreshExpiry: Bool
    /// The access token's whole life; nil when unknown or endless.
    package var life: Duration?
    /// The expiry is only known to the provider's inspection.
    package var needsInspection: Bool
    /// The answer carried a refresh token other than the presented one.
    package var refreshTokenChanged: Bool
    /// The entry demands a new refresh token and the answer has none: the presented one may be spent.
    package var isRequiredRefreshTokenMissing: Bool
    /// When automatic renewal ends for good unless something changes; nil when it does not end.
    package var humanDeadlineAt: Date?
    package var externalID: String?
    /// Further values the entry names (`seller_name`, `region`); at most 20 of 200 characters.
    package var details: [String: String]
}

extension Renewal {
    /// Takes over what an inspection of the new token says.
    ///
    /// Of a token that is called dead nothing is known: its end is asked for again.
    package mutating func refine(by inspection: Inspection, of entry: ProviderEntry) {
        if inspection.isAlive == false {
            (accessExpiresAt, life, needsInspection) = (nil, nil, true)
        } else if inspection.neverExpires {
            (accessExpiresAt, life, needsInspection) = (nil, nil, false)
        } else if let end = inspection.accessExpiresAt {
            let seconds = end.timeIntervalSince(accessIssuedAt)
            (accessExpiresAt, life, needsInspection) = (end, seconds > 0 ? .seconds(seconds) : nil, false)
        }
        if entry.credential == .accessToken { humanDeadlineAt = accessExpiresAt }
        humanDeadlineAt = [humanDeadlineAt, inspection.dataAccessExpiresAt].compactMap(\.self).min()
        if let scopes = inspection.scopes, !scopes.isEmpty, credential.scopes.isEmpty { credential.scopes = scopes }
    }
}

/// Why an answer gives no credential.
package enum AnswerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// It is not a success; this is what it is.
    case refused(AnswerFailure)
    /// A token is longer than 256 KiB.
    case tokenTooLong

    package var description: String {
        switch self {
        case .refused(let failure): failure.message
        case .tokenTooLong: "The provider's answer holds a token of more than 256 KiB."
        }
    }
}

extension ProviderEntry {
    static let tokenBytesMax = 256 * 1024

    /// Merges a 2xx answer with the credential that was presented for it.
    ///
    /// A body that was cut is used when its JSON is complete all the same.
    package func renewal(from answer: JournalAnswer, phase: Phase = .refresh) throws(AnswerError) -> Renewal {
        let body = AnswerBody(answer.body, format: self.answer.format)
        let presented = answer.presented
        let secrets = [presented.accessToken, presented.refreshToken].compactMap(\.self)
        let verdict = verdict(
            status: answer.status, headers: answer.headers, body: body, phase: phase, presented: secrets,
            now: answer.requestedAt)
        if case .failure(let failure) = verdict { throw .refused(failure) }

        let root = body.root
        let access = token(at: self.answer.accessToken, in: root)
        let refresh = token(at: self.answer.refreshToken, in: root)
        guard [access, refresh].allSatisfy({ ($0?.utf8.count ?? 0) <= Self.tokenBytesMax }) else { throw .tokenTooLong }

        var credential = presented
        credential.accessToken = access.map(Secret.init)
        if let refresh { credential.refreshToken = Secret(refresh) }
        credential.tokenType = tokenType(in: root) ?? presented.tokenType
        credential.scopes = scopes(at: self.answer.scope, in: root) ?? presented.scopes

        let accessReading = self.answer.accessExpires.reading(in: root, at: answer.requestedAt)
        let accessEnd = accessExpiry(accessReading, at: answer.requestedAt)
        let refreshEnd = refreshExpiry(in: root, hasNewToken: refresh != nil, at: answer.requestedAt)
        let life = accessEnd.map { $0.timeIntervalSince(answer.requestedAt) }.flatMap {
            $0 > 0 ? Duration.seconds($0) : nil
        }
        return Renewal(
            credential: credential, accessIssuedAt: answer.requestedAt, accessExpiresAt: accessEnd,
            refreshExpiresAt: refreshEnd.date, keepsRefreshExpiry: refreshEnd.keeps, life: life,
            needsInspection: accessReading == .inspect && hasRequest(.inspect),
            refreshTokenChanged: refresh.map { presented.refreshToken != Secret($0) } ?? false,
            isRequiredRefreshTokenMissing: policy.requireNewRefreshToken && refresh == nil,
            humanDeadlineAt: self.credential == .accessToken ? accessEnd : refreshEnd.date,
            externalID: self.answer.accountID.lazy.compactMap { $0.value(in: root)?.token }.first.map {
                String($0.prefix(200))
            },
            details: details(self.answer.meta, in: root))
    }

    private func token(at paths: [BodyPath], in root: JSONValue) -> String? {
        paths.lazy.compactMap { $0.value(in: root)?.token }.first
    }

    /// A token of RFC 7235 of at most 32 characters; anything else would break an `Authorization` header.
    private func tokenType(in root: JSONValue) -> String? {
        guard let text = answer.tokenType?.value(in: root)?.token, text.utf8.count <= 32,
            text.utf8.allSatisfy({
                (97...122).contains($0) || (65...90).contains($0) || (48...57).contains($0) || $0 == 45
            })
        else { return nil }
        return text.lowercased() == "bearer" ? "Bearer" : text
    }

    /// At most 200 scopes of 200 characters, from a list or a text with spaces or commas.
    func scopes(at paths: [BodyPath], in root: JSONValue) -> [String]? {
        for path in paths {
            switch path.value(in: root) {
            case .array(let items)?:
                return items.prefix(200).compactMap { $0.token.map { String($0.prefix(200)) } }
            case .string(let text)?:
                let scopes = text.split { $0 == " " || $0 == "," }
                if !scopes.isEmpty { return scopes.prefix(200).map { String($0.prefix(200)) } }
            default: continue
            }
        }
        return nil
    }

    private func accessExpiry(_ reading: Expiry.Reading, at requestedAt: Date) -> Date? {
        switch reading {
        case .at(let date): return date
        case .never, .unknown: return nil
        case .inspect where hasRequest(.inspect): return nil
        case .inspect, .unstated: return lifetime.access.map { requestedAt.addingTimeInterval($0.seconds) }
        }
    }

    private func refreshExpiry(
        in root: JSONValue, hasNewToken: Bool, at requestedAt: Date
    ) -> (date: Date?, keeps: Bool) {
        guard credential == .refreshToken else { return (nil, false) }
        switch answer.refreshExpires?.reading(in: root, at: requestedAt) ?? .unstated {
        case .at(let date): return (date, false)
        case .never: return (nil, false)
        case .inspect, .unknown, .unstated: break
        }
        switch lifetime.refreshKind {
        case .sliding where hasNewToken || policy.rotation != .always:
            return (lifetime.refresh.map { requestedAt.addingTimeInterval($0.seconds) }, false)
        case .sliding, .fixed, .unknown:
            return (nil, true)
        case .idle, .unlimited, .ownAccess, .organization, .none:
            return (nil, false)
        }
    }

    func details(_ paths: [(name: String, path: BodyPath)], in root: JSONValue) -> [String: String] {
        var details: [String: String] = [:]
        for (name, path) in paths.prefix(20) {
            if let text = path.value(in: root)?.scalar, !text.isEmpty { details[name] = String(text.prefix(200)) }
        }
        return details
    }
}
