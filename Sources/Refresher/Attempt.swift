import Domain
import FoundationEssentials
import Providers

/// One claimed channel on its way to the provider and back (PROTOCOL §3, steps 2 to 6).
struct Attempt: Sendable {
    /// What attempts share.
    struct Surroundings: Sendable {
        let sender: any HTTPSending
        let journal: any AnswerJournal
        let gate: SendGate
        let clock: any LocalClock
        let classes: ReplayClasses
        let clockWatch: ClockWatch
        let board: AppBoard
        let ladder: RetryLadder
        let transferLimit: Duration
        let random: @Sendable () -> Double
        let catalogueRevision: String
    }

    static let transfersMax = 3

    let claim: Claim
    let batch: ClaimTimes
    let entry: ProviderEntry
    let app: App?
    let actor: String
    let shared: Surroundings

    /// Database time now: the claim's, and local time since.
    var now: Date { batch.databaseTime(at: shared.clock.now) }

    /// Nobody asked for it: the loop found it due.
    var isScheduled: Bool { actor == Self.scheduler }

    static let scheduler = "scheduler"

    var replayClass: ReplayClass { shared.classes.of(entry, appID: claim.appID) }

    func run() async -> FinishedAttempt {
        if claim.status == .paused || claim.status == .disconnected {
            return released(after: .zero, code: "paused", message: "The channel is \(claim.status.name).")
        }
        if let wait = replayWait() {
            return released(
                after: wait, code: "doubt",
                message: "The stored refresh token may be spent; it is presented again when the access token ends.")
        }
        switch claim.credential {
        case .failure(.unknownKey(let kid)):
            return released(
                after: ProtocolTimes.ownFaultPause, code: "key_unknown",
                message: "The credential is sealed with the key `\(kid)`, which this replica does not hold.")
        case .failure(.unreadable):
            return failed(.unreadable)
        case .success(let credential):
            if let verdict = deadWithoutCall(credential) { return failed(verdict) }
            guard let app else { return failed(.appMissing) }
            if let finished = await inspected(credential, as: app) { return finished }
            return await present(credential, as: app)
        }
    }

    /// A family of tokens is not put at risk while its access token serves (PROTOCOL §6).
    private func replayWait() -> Duration? {
        guard claim.doubt, replayClass == .family, let expiry = claim.accessExpiresAt else { return nil }
        let left = Duration.seconds(expiry.timeIntervalSince(now)) - ReplayRule.familyLife
        return left > .zero ? left : nil
    }

    /// Nothing to present, or past its end.
    ///
    /// While the database's clock is not to be trusted the provider is asked.
    private func deadWithoutCall(_ credential: Credential) -> FailedEnd? {
        let isClockTrusted = !shared.clockWatch.isEventOpen
        switch entry.credential {
        case .none:
            return nil
        case .refreshToken:
            guard let token = credential.refreshToken, !token.isEmpty else {
                return .deadWithoutCall(
                    code: "refresh_token_missing",
                    message: "There is no refresh token: the channel must be connected again.")
            }
            if isClockTrusted, let expiry = claim.refreshExpiresAt, expiry <= now {
                return .deadWithoutCall(
                    code: "refresh_token_expired",
                    message: "The refresh token reached its end: the channel must be connected again.")
            }
        case .accessToken:
            guard let token = credential.accessToken, !token.isEmpty else {
                return .deadWithoutCall(
                    code: "access_token_missing",
                    message: "There is no access token: the channel must be connected again.")
            }
            if isClockTrusted, entry.policy.onlyUnexpired, let expiry = claim.accessExpiresAt, expiry <= now {
                return .deadWithoutCall(
                    code: "access_token_expired",
                    message: "The access token ran out, and this provider renews unexpired ones only: "
                        + "the channel must be connected again.")
            }
        }
        return nil
    }

    /// Sends; again with the app's next secret after a `client` answer, or to where the account moved; at most three
    /// transfers in all (PROTOCOL §3.4).
    private func present(_ stored: Credential, as app: App) async -> FinishedAttempt {
        let secrets: [Secret?] = app.secrets.isEmpty ? [nil] : app.secrets.map { $0 }
        var credential = stored
        var refusal: FinishedAttempt?
        var (index, transfers) = (0, 0)
        while index < secrets.count, transfers < Self.transfersMax {
            let secret = secrets[index]
            let end = await Transfer(attempt: self, credential: credential, app: app, secret: secret, index: index)
                .run()
            transfers += 1
            // What one secret was told stays true when the next one does not get out.
            if let refusal, !end.isHeard { return refusal }
            if end.finished.mayHaveMoved, credential == stored, transfers + 1 < Self.transfersMax {
                guard let moved = await whereabouts(of: credential, as: app, secret: secret) else {
                    return end.finished
                }
                transfers += 1
                credential = moved
            } else {
                guard end.finished.answerClass == .client else { return end.finished }
                index += 1
            }
            refusal = end.finished
        }
        return refusal ?? failed(.appMissing)
    }

    /// Asks where the account is now; nil when nobody says, or it is where it was.
    private func whereabouts(of credential: Credential, as app: App, secret: Secret?) async -> Credential? {
        let inputs = RequestInputs(credential: credential, app: app, secret: secret)
        guard let request = try? entry.relocateRequest(inputs) else { return nil }
        let limit = shared.transferLimit
        let permit = SendPermit(
            deadline: batch.sentAt + ReplayRule.sendWindow - limit, gate: shared.gate, clock: shared.clock,
            isJournalled: replayClass.isJournalled)
        guard permit.isPossible else { return nil }
        let end = await shared.sender.send(request, limits: TransferLimits(total: limit)) { permit.grant() }
        guard case .answered(let response) = end, !response.isCut, !response.isOverLong else { return nil }
        return entry.relocated(credential, status: response.status, body: response.body)
    }

    // MARK: Ends

    func released(after pause: Duration, code: String, message: String) -> FinishedAttempt {
        let dueAt = claim.isParked ? nil : now.addingTimeInterval(pause.seconds)
        return finished(.release(dueAt: dueAt, code: code, message: message))
    }

    func failed(_ end: FailedEnd, sentFor: Duration = .zero) -> FinishedAttempt {
        let now = now
        let policy = FailurePolicy(entry: entry, replayClass: replayClass, ladder: shared.ladder)
        var attempt = finished(
            .failure(
                policy.failure(
                    of: claim, end, now: now, sentFor: sentFor, random: shared.random(), actor: actor,
                    app: shared.board.circumstances(of: claim, after: end, now: now))))
        attempt.contact = end.contact
        if case .answer(let answer) = end {
            attempt.answerClass = answer.answerClass
            attempt.mayHaveMoved = answer.first == "relocate"
        }
        return attempt
    }

    func finished(_ end: AttemptEnd) -> FinishedAttempt {
        FinishedAttempt(claim: claim, end: end, endedAt: now, isNoted: replayClass.isJournalled)
    }
}

/// When the transaction of a claim was sent and heard of, and what the database's clock said.
struct ClaimTimes: Sendable {
    /// Send deadlines count from here: the lease began no earlier.
    let sentAt: ContinuousClock.Instant
    /// Database time counts from here: behind rather than ahead, so that nothing is thought to live longer than it does.
    let heardAt: ContinuousClock.Instant
    let databaseTime: Date

    init(_ batch: ClaimBatch, heardAt: ContinuousClock.Instant) {
        sentAt = batch.sentAt
        databaseTime = batch.databaseTime
        self.heardAt = heardAt
    }

    func databaseTime(at local: ContinuousClock.Instant) -> Date {
        databaseTime.addingTimeInterval(heardAt.duration(to: local).seconds)
    }
}

extension FailedEnd {
    var contact: Pacing.Contact {
        switch self {
        case .notSent, .unknown: .silent
        case .deadWithoutCall, .unreadable, .appMissing: .none
        case .answer(let answer):
            switch answer.answerClass {
            case .rateLimited: .limited(retryAfter: answer.retryAfter)
            case .transient: .silent
            case .request where answer.reason == FailedEnd.notBuildable: .none
            default: .answered
            }
        }
    }

    static let notBuildable = "request_not_buildable"
}
