package import Domain
package import FoundationEssentials
package import Providers

/// Turns a provider's answer into what is stored; used for living answers and for journal entries alike.
package struct AnswerReader: Sendable {
    let entry: ProviderEntry

    package init(entry: ProviderEntry) {
        self.entry = entry
    }

    package enum Reading: Sendable {
        case success(StoredSuccess)
        case failure(FailedEnd)
    }

    /// - Parameters:
    ///   - before: the expiry that was stored before this attempt, to see whether it moved.
    ///   - now: database time.
    package func read(
        _ answer: JournalAnswer, expiredBefore before: Date? = nil, now: Date, actor: String
    ) -> Reading {
        if answer.isCut || answer.isOverLong {
            return .failure(
                .unknown(
                    code: answer.isCut ? "answer_cut" : "answer_too_long",
                    message: answer.isCut
                        ? "The provider's answer broke off before its end." : "The provider's answer was over 1 MiB."))
        }
        let secrets = [answer.presented.accessToken, answer.presented.refreshToken].compactMap(\.self)
        switch entry.verdict(
            status: answer.status, headers: answer.headers, body: answer.body, presented: secrets, now: now)
        {
        case .failure(let failure):
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

    /// Whether an answer that is no success says that nothing was consumed (PROTOCOL §6, first table).
    package func end(of failure: AnswerFailure, status: Int) -> FailedEnd {
        if failure.consumed == false { return .answer(failure) }
        let isServerFault = status >= 500 || status == 408 || status == 425
        let isUnreadableSuccess = (200..<300).contains(status) && !failure.isNamed
        switch failure.answerClass {
        case .transient, .unknown:
            guard isServerFault || isUnreadableSuccess else { return .answer(failure) }
            if entry.replayClass == .free, isServerFault { return .answer(failure) }
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
            dueAt: entry.renewalTime.dueAt(
                channel: answer.key.channelID, issuedAt: renewal.accessIssuedAt, expiresAt: renewal.accessExpiresAt,
                life: renewal.life), actor: actor)
        if renewal.isRequiredRefreshTokenMissing {
            stored.doubt = true
            stored.dueAt = now.addingTimeInterval(ProtocolTimes.doubtPause.seconds)
        }
        if entry.policy.verifyExtended, let before, let after = renewal.accessExpiresAt,
            after.timeIntervalSince(before) < 60
        {
            stored.outcome = .notExtended
        }
        return stored
    }
}
