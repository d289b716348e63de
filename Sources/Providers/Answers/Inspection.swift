package import Domain
package import FoundationEssentials

/// What a provider says about a token when asked.
package struct Inspection: Sendable, Equatable {
    /// Nil when the answer does not say.
    package var isAlive: Bool?
    package var accessExpiresAt: Date?
    /// The answer says that the token has no end.
    package var neverExpires: Bool
    /// Meta: when access to the user's data ends, whatever the token's life.
    package var dataAccessExpiresAt: Date?
    package var scopes: [String]?
    package var errorCode: String?
    package var errorSubcode: String?
    package var externalID: String?

    package init(
        isAlive: Bool? = nil, accessExpiresAt: Date? = nil, neverExpires: Bool = false,
        dataAccessExpiresAt: Date? = nil, scopes: [String]? = nil, errorCode: String? = nil,
        errorSubcode: String? = nil, externalID: String? = nil
    ) {
        self.isAlive = isAlive
        self.accessExpiresAt = accessExpiresAt
        self.neverExpires = neverExpires
        self.dataAccessExpiresAt = dataAccessExpiresAt
        self.scopes = scopes
        self.errorCode = errorCode
        self.errorSubcode = errorSubcode
        self.externalID = externalID
    }
}

extension ProviderEntry {
    /// Reads the answer of ``inspectRequest(_:)``.
    ///
    /// Where the grant is a refresh token, an answer of class `reauth` says no more than that the access token is dead:
    /// it comes back as a report. A failure to authenticate the app is `client`.
    /// - Throws: ``AnswerError/refused(_:)`` when the answer is no report.
    package func inspection(
        status: Int, headers: [HeaderField] = [], body: [UInt8], at now: Date = Date(), presented: [Secret] = []
    ) throws(AnswerError) -> Inspection {
        let body = AnswerBody(body, format: .json)
        let verdict = verdict(
            status: status, headers: headers, body: body, phase: .inspect, presented: presented, now: now)
        if case .failure(let failure) = verdict {
            guard failure.answerClass == .reauth, credential == .refreshToken else { throw .refused(failure) }
            return Inspection(isAlive: false, errorCode: failure.reason)
        }
        let root = body.root
        var report = Inspection()
        if let alive = inspection.alive {
            report.isAlive = alive.value(in: root)?.scalar.flatMap {
                ["true": true, "1": true, "false": false, "0": false][$0]
            }
        } else {
            report.isAlive = true
        }
        switch inspection.accessExpires?.reading(in: root, at: now) {
        case .at(let date)?: report.accessExpiresAt = date
        case .never?: report.neverExpires = true
        case .inspect?, .unknown?, .unstated?, nil: break
        }
        if case .at(let date)? = inspection.dataAccessExpires?.reading(in: root, at: now) {
            report.dataAccessExpiresAt = date
        }
        report.scopes = scopes(at: inspection.scopes, in: root)
        report.errorCode = text(at: inspection.errorCode, in: root)
        report.errorSubcode = text(at: inspection.errorSubcode, in: root)
        report.externalID = inspection.accountID.lazy.compactMap { self.text(at: $0, in: root) }.first
        return report
    }

    /// Reads the answer of ``probeRequest(_:)``: the access token works, or the provider refuses it.
    ///
    /// - Throws: ``AnswerError/refused(_:)`` when the answer says neither.
    package func probe(
        status: Int, headers: [HeaderField] = [], body: [UInt8], at now: Date = Date(), presented: [Secret] = []
    ) throws(AnswerError) -> Inspection {
        let verdict = verdict(
            status: status, headers: headers, body: AnswerBody(body, format: .json), phase: .probe,
            presented: presented, now: now)
        guard case .failure(let failure) = verdict else { return Inspection(isAlive: true) }
        // RFC 6750 §3.1: 401 is about the token, whatever the body says.
        guard failure.answerClass == .reauth || status == 401 else { throw .refused(failure) }
        return Inspection(isAlive: false, errorCode: failure.reason)
    }

    private func text(at path: BodyPath?, in root: JSONValue) -> String? {
        path?.value(in: root)?.token.map { String($0.prefix(200)) }
    }
}
