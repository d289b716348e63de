package import Domain
package import FoundationEssentials
package import Providers

/// How an attempt ended without a credential, before it is judged.
package enum FailedEnd: Sendable {
    /// No byte left: nothing consumed, nothing counted.
    case notSent(code: String, message: String)
    /// A rule of the catalogue matched; the presented token was not consumed.
    case answer(AnswerFailure)
    /// The presented token may have been consumed and its answer is lost.
    case unknown(code: String, message: String)
    /// Nothing to present, or past its end: a verdict without a call.
    case deadWithoutCall(code: String, message: String)
    /// The stored credential does not open.
    case unreadable
    /// No client registration is configured for the channel.
    case appMissing
}

/// What an end means for its channel: PROTOCOL §6 and §7 as a pure function.
package struct FailurePolicy: Sendable {
    /// A refusal that may be the account's, but not in so many words, is not repeated sooner.
    static let unnamedSuspensionPause: Duration = .seconds(600)
    static let appMissingPause: Duration = .seconds(300)
    /// Failures in a row that people should see (§7).
    static let failuresMax = 3

    let entry: ProviderEntry
    let replayClass: ReplayClass
    let ladder: RetryLadder

    /// - Parameter replayClass: the one that counts for the channel's app; the entry's when nil.
    package init(entry: ProviderEntry, replayClass: ReplayClass? = nil, ladder: RetryLadder) {
        self.entry = entry
        self.replayClass = replayClass ?? entry.replayClass
        self.ladder = ladder
    }

    /// - Parameters:
    ///   - now: database time at the end of the attempt.
    ///   - sentFor: local time since the send, for waits that count from the transfer's hard limit.
    ///   - random: uniform in 0..<1.
    ///   - app: what of the app's state bears on this end.
    package func failure(
        of claim: Claim, _ end: FailedEnd, now: Date, sentFor: Duration = .zero, random: Double, actor: String,
        app: AppCircumstances = AppCircumstances()
    ) -> StoredFailure {
        var failure = StoredFailure(
            key: claim.key, base: claim.base, outcome: .transient, code: "", message: "", dueAt: nil,
            doubt: claim.doubt, fails: claim.fails, denials: claim.denials, warning: nil, actor: actor)
        var delay: Duration?
        var isShown = true
        var staysParked = true
        switch end {
        case .notSent(let code, let message):
            (failure.code, failure.message) = (code, message)
            delay = retry(claim, failures: tries(1, app), now: now, random: random)
        case .unknown(let code, let message):
            (failure.outcome, failure.code, failure.message) = (.unknownOutcome, code, message)
            count(&failure, app)
            failure.doubt = claim.doubt || replayClass.isJournalled
            delay = replay(claim, tries: tries(claim.fails, app), now: now, sentFor: sentFor, random: random)
            // What a person tried on a dead grant may have brought it to life: only a verdict parks it again.
            staysParked = !replayClass.isJournalled
        case .deadWithoutCall(let code, let message):
            (failure.outcome, failure.code, failure.message) = (.reauthorizationRequired, code, message)
            failure.warning = .reauthorizationRequired
        case .unreadable:
            (failure.outcome, failure.code) = (.unclassified, WarningReason.sealedUnreadable.rawValue)
            failure.message = "The stored credential does not open: it was moved, damaged or rolled back."
            failure.warning = .sealedUnreadable
        case .appMissing:
            (failure.outcome, failure.code) = (.appRejected, IncidentCause.appMissing)
            failure.message = "No client id and secret are configured for \(entry.name): set them and restart."
            delay = Self.appMissingPause
            isShown = false
        case .answer(let answer):
            failure.providerRequestID = answer.providerRequestID
            (failure.outcome, failure.code, failure.message) = (
                answer.answerClass.outcome, answer.reason, answer.message
            )
            delay = judge(answer, of: claim, into: &failure, now: now, random: random, app: app)
            isShown = isOwnFailure(answer, app)
        }
        if isShown { flag(&failure, of: claim, now: now) }
        failure.dueAt = delay.map { now.addingTimeInterval($0.seconds) }
        if claim.isParked, staysParked { failure.dueAt = nil }
        return failure
    }

    /// Sets what a classified answer means; the delay until the next try, nil to park.
    private func judge(
        _ answer: AnswerFailure, of claim: Claim, into failure: inout StoredFailure, now: Date, random: Double,
        app: AppCircumstances
    ) -> Duration? {
        switch answer.answerClass {
        case .reauth where answer.isNamed:
            failure.denials += 1
            if let heldUntil = app.heldUntil {
                return max(ProtocolTimes.confirmationPause, .seconds(heldUntil.timeIntervalSince(now)))
            }
            guard failure.denials >= entry.policy.deadConfirmations else { return ProtocolTimes.confirmationPause }
            failure.warning = .reauthorizationRequired
            if claim.doubt { failure.code = "rotation_lost" }
            return nil
        case .suspended where answer.isNamed:
            failure.warning = .suspended
            return ProtocolTimes.suspendedPause
        case .suspended:
            // A status alone may be a gateway's: daily tries and the word follow when it stays.
            count(&failure, app)
            if failure.fails >= Self.failuresMax {
                failure.warning = .suspended
                return ProtocolTimes.suspendedPause
            }
            return max(
                Self.unnamedSuspensionPause,
                retry(
                    claim, failures: tries(failure.fails, app), now: now, random: random,
                    retryAfter: answer.retryAfter))
        case .client where !app.isCleared:
            return max(ProtocolTimes.ownFaultPause, min(answer.retryAfter ?? .zero, .seconds(21_600)))
        case .rateLimited:
            return retry(claim, failures: 1, now: now, random: random, retryAfter: answer.retryAfter ?? .seconds(30))
        case .tooEarly:
            let age = claim.accessIssuedAt.map { now.timeIntervalSince($0) } ?? 0
            return max(.seconds(60), entry.policy.minAge - .seconds(age))
        case .reauth:
            // A bare status or a catch-all is never a verdict.
            failure.outcome = .unclassified
        case .client, .request, .transient, .unknown:
            break
        }
        count(&failure, app)
        return retry(
            claim, failures: tries(failure.fails, app), now: now, random: random, retryAfter: answer.retryAfter)
    }

    /// Whether an answer speaks of this channel: an app's fault never flags its channels, and a verdict that waits for
    /// its confirmation is told once, with its own name.
    private func isOwnFailure(_ answer: AnswerFailure, _ app: AppCircumstances) -> Bool {
        switch answer.answerClass {
        case .client: app.isCleared
        case .tooEarly: false
        case .reauth: !answer.isNamed
        case .suspended, .request, .rateLimited, .transient, .unknown: true
        }
    }

    /// Only failures of the channel's own count: those of an app or a provider in trouble are not.
    private func count(_ failure: inout StoredFailure, _ app: AppCircumstances) {
        if app.troubledFor == nil { failure.fails += 1 }
    }

    /// The step of the ladder: while failures are not counted, the one it would have reached in that time.
    private func tries(_ failures: Int, _ app: AppCircumstances) -> Int {
        max(failures, app.troubledFor.map { ladder.failures(within: $0) } ?? 0)
    }

    /// Shows people three failures of the channel's own, or an access token that ran out; a stronger warning stays.
    private func flag(_ failure: inout StoredFailure, of claim: Claim, now: Date) {
        guard failure.warning == nil, claim.status == .active else { return }
        let isExpired = claim.accessExpiresAt.map { $0 <= now } ?? false
        if failure.fails >= Self.failuresMax || isExpired { failure.warning = .refreshFailing }
    }

    private func retry(
        _ claim: Claim, failures: Int, now: Date, random: Double, retryAfter: Duration? = nil,
        floor: Duration = .seconds(5)
    ) -> Duration {
        let left = claim.accessExpiresAt.map { Duration.seconds($0.timeIntervalSince(now)) }
        return ladder.delay(
            failures: failures, random: random, floor: floor, retryAfter: retryAfter, timeLeft: left)
    }

    /// When the same token may be presented again after an unknown outcome (PROTOCOL §6, second table).
    private func replay(
        _ claim: Claim, tries: Int, now: Date, sentFor: Duration, random: Double
    ) -> Duration {
        guard replayClass != .free else { return retry(claim, failures: tries + 1, now: now, random: random) }
        let untilDeadline = max(.zero, replayClass.transferLimit - sentFor)
        let first = untilDeadline + ReplayRule.singlePause
        let single = claim.doubt ? retry(claim, failures: tries, now: now, random: random, floor: first) : first
        switch replayClass {
        case .free, .single:
            return single
        case .grace(let window):
            let soon = untilDeadline + ReplayRule.gracePause
            guard claim.doubt else { return soon }
            // Each earlier replay took a sixth of the window.
            let passed = ReplayRule.gracePause + window / 6 * max(tries, 1)
            return passed < window - .seconds(60) ? max(window / 6, soon) : single
        case .family:
            let left = claim.accessExpiresAt.map { Duration.seconds($0.timeIntervalSince(now)) } ?? .zero
            return max(left - ReplayRule.familyLife, single)
        }
    }
}
