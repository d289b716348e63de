package import Domain
package import FoundationEssentials
package import Providers

/// Turns a provider's answer into what is stored; used for living answers and for journal entries alike.
package struct AnswerReader: Sendable {
    /// An expiry that moved by less did not move.
    static let extensionMin: TimeInterval = 60
    /// Life that is assumed of a token when neither the answer nor the catalogue says anything.
    static let assumedLife: Duration = .seconds(86_400)

    let entry: ProviderEntry
    let replayClass: ReplayClass

    /// - Parameter replayClass: the one that counts for the channel's app; the entry's when nil.
    package init(entry: ProviderEntry, replayClass: ReplayClass? = nil) {
        self.entry = entry
        self.replayClass = replayClass ?? entry.replayClass
    }

    package enum Reading: Sendable {
        case success(StoredSuccess)
        case failure(FailedEnd)
    }

    /// - Parameters:
    ///   - before: the expiry that was stored before this attempt, to see whether it moved.
    ///   - hidden: further secrets of the request; none of their text is in a message.
    ///   - now: database time.
    package func read(
        _ answer: JournalAnswer, expiredBefore before: Date? = nil, hiding hidden: [Secret] = [], now: Date,
        actor: String
    ) -> Reading {
        if answer.isOverLong || answer.isCut && !Self.isWholeJSON(answer.body) {
            return .failure(
                .unknown(
                    code: answer.isCut ? "answer_cut" : "answer_too_long",
                    message: answer.isCut
                        ? "The provider's answer broke off before its end." : "The provider's answer was over 1 MiB."))
        }
        let secrets = [answer.presented.accessToken, answer.presented.refreshToken].compactMap(\.self) + hidden
        switch entry.verdict(
            status: answer.status, headers: answer.headers, body: answer.body, presented: secrets, now: now)
        {
        case .failure(let failure):
            if answer.isCut {
                return .failure(
                    .unknown(code: "answer_cut", message: "The provider's answer broke off before its end."))
            }
            return .failure(end(of: failure, status: answer.status))
        case .success:
            do {
                let renewal = try entry.renewal(from: answer)
                return .success(success(renewal, of: answer, before: before, now: now, actor: actor))
            } catch {
                return .failure(
                    .unknown(code: "answer_unusable", message: "The provider's answer holds no usable access token."))
            }
        }
    }

    /// A connection that ended badly after a whole object lost nothing; in any other format nobody can tell.
    private static func isWholeJSON(_ body: [UInt8]) -> Bool {
        let blanks: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D]
        return body.first { !blanks.contains($0) } == UInt8(ascii: "{")
            && body.last { !blanks.contains($0) } == UInt8(ascii: "}")
    }

    /// Whether an answer that is no success says that nothing was consumed (PROTOCOL §6, first table).
    package func end(of failure: AnswerFailure, status: Int) -> FailedEnd {
        if failure.consumed == false { return .answer(failure) }
        let isServerFault = status >= 500 || status == 408 || status == 425
        let isUnreadableSuccess = (200..<300).contains(status) && !failure.isNamed
        switch failure.answerClass {
        case .transient, .unknown:
            guard isServerFault || isUnreadableSuccess else { return .answer(failure) }
            if replayClass == .free, isServerFault { return .answer(failure) }
            return .unknown(
                code: failure.reason,
                message: "\(failure.message) (HTTP \(status)); whether the tokens were renewed is not known.")
        case .reauth, .suspended, .client, .request, .rateLimited, .tooEarly:
            return .answer(failure)
        }
    }

    private func success(
        _ renewal: Renewal, of answer: JournalAnswer, before: Date?, now: Date, actor: String
    ) -> StoredSuccess {
        var stored = StoredSuccess(
            key: answer.key, tenantID: answer.tenantID, provider: answer.provider, grantID: answer.grantID,
            credential: renewal.credential, accessIssuedAt: renewal.accessIssuedAt,
            accessExpiresAt: renewal.accessExpiresAt, refreshExpiresAt: renewal.refreshExpiresAt,
            humanDeadlineAt: renewal.humanDeadlineAt, keepsRefreshExpiry: renewal.keepsRefreshExpiry,
            dueAt: dueAt(renewal, channel: answer.key.channelID), actor: actor)
        if entry.policy.verifyExtended, let before, let after = renewal.accessExpiresAt,
            after.timeIntervalSince(before)
                < min(Self.extensionMin, after.timeIntervalSince(renewal.accessIssuedAt) / 20)
        {
            stored.outcome = .notExtended
            stored.dueAt = max(stored.dueAt ?? now, Self.nextLook(at: after, now: now))
        }
        if renewal.isRequiredRefreshTokenMissing {
            stored.doubt = true
            stored.dueAt = now.addingTimeInterval(ProtocolTimes.doubtPause.seconds)
        }
        return stored
    }

    /// The schedule, but never so early that the provider would be asked again about a token it has just given out.
    private func dueAt(_ renewal: Renewal, channel: ChannelID) -> Date? {
        let issued = renewal.accessIssuedAt
        // An end that only an inspection knows is guessed: too early is a call too many, too late a dead grant.
        let life = renewal.needsInspection ? entry.lifetime.access ?? Self.assumedLife : renewal.life
        let expiry =
            renewal.needsInspection ? life.map { issued.addingTimeInterval($0.seconds) } : renewal.accessExpiresAt
        guard let due = entry.renewalTime.dueAt(channel: channel, issuedAt: issued, expiresAt: expiry, life: life)
        else {
            return nil
        }
        let earliest = issued.addingTimeInterval(max(entry.policy.minAge, entry.policy.minInterval).seconds)
        guard let expiry, earliest >= expiry else { return max(due, earliest) }
        return max(due, issued.addingTimeInterval(60))
    }

    /// When to try again to move an expiry: a quarter of what is left, between an hour and a day.
    private static func nextLook(at expiry: Date, now: Date) -> Date {
        let left = max(expiry.timeIntervalSince(now), 0)
        let wait = min(max(left / 4, 3600), 86_400)
        return now.addingTimeInterval(left > 0 && wait > left ? max(left / 2, 60) : wait)
    }
}
