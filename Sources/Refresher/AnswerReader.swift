package import Domain
package import FoundationEssentials
package import Providers

/// Turns a provider's answer into what is stored; used for living answers and for journal entries alike.
package struct AnswerReader: Sendable {
    /// An expiry that moved by less did not move.
    static let extensionMin: TimeInterval = 60
    /// When a token is looked at again that was given out and called dead in one breath.
    static let lookAgain: Duration = .seconds(60)

    let entry: ProviderEntry
    let replayClass: ReplayClass

    /// - Parameter replayClass: the one that counts for the channel's app; the entry's when nil.
    package init(entry: ProviderEntry, replayClass: ReplayClass? = nil) {
        self.entry = entry
        self.replayClass = replayClass ?? entry.replayClass
    }

    package enum Reading: Sendable {
        /// - Parameter asks: whether an inspection of the new token tells more; nothing waits for it.
        case success(StoredSuccess, asks: Bool)
        case failure(FailedEnd)
    }

    /// - Parameters:
    ///   - before: the expiry that was stored before this attempt, to see whether it moved.
    ///   - hidden: further secrets of the request; none of their text is in a message.
    ///   - inspection: what the provider says of the new token; it knows better than the answer.
    ///   - now: database time.
    package func read(
        _ answer: JournalAnswer, expiredBefore before: Date? = nil, hiding hidden: [Secret] = [],
        inspection: Inspection? = nil, now: Date, actor: String
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
                var renewal = try entry.renewal(from: answer)
                let asks =
                    inspection == nil && entry.canInspect
                    && (renewal.needsInspection || entry.policy.verifyExtended)
                if let inspection { renewal.refine(by: inspection, of: entry) }
                var stored = success(renewal, of: answer, before: before, now: now, actor: actor)
                if inspection?.isAlive == false { stored.dueAt = now.addingTimeInterval(Self.lookAgain.seconds) }
                return .success(stored, asks: asks)
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
            dueAt: entry.dueAt(after: renewal, channel: answer.key.channelID), actor: actor)
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

    /// When to try again to move an expiry: a quarter of what is left, between an hour and a day.
    private static func nextLook(at expiry: Date, now: Date) -> Date {
        let left = max(expiry.timeIntervalSince(now), 0)
        let wait = min(max(left / 4, 3600), 86_400)
        return now.addingTimeInterval(left > 0 && wait > left ? max(left / 2, 60) : wait)
    }
}
