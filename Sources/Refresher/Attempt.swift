import Domain
import FoundationEssentials
import Providers
import Synchronization

/// One claimed channel on its way to the provider and back (PROTOCOL §3, steps 2 to 6).
struct Attempt: Sendable {
    static let transfersMax = 3

    let claim: Claim
    let batch: (sentAt: ContinuousClock.Instant, databaseTime: Date)
    let entry: ProviderEntry
    let app: App?
    let actor: String
    let catalogueRevision: String
    let sender: any HTTPSending
    let journal: any AnswerJournal
    let gate: SendGate
    let clock: any LocalClock
    let configuration: RefresherConfiguration

    /// Database time now: the claim's, and local time since.
    private var now: Date { batch.databaseTime.addingTimeInterval(batch.sentAt.duration(to: clock.now).seconds) }

    private var isJournalled: Bool { entry.replayClass.isJournalled }

    private var limit: Duration {
        isJournalled ? entry.replayClass.transferLimit : configuration.transferLimit
    }

    func run() async -> FinishedAttempt {
        if claim.status == .paused || claim.status == .disconnected {
            return finished(.release(dueAt: nil, code: "paused", message: "The channel is paused."))
        }
        if let blocked = replayBlock() { return finished(blocked) }
        switch claim.credential {
        case .failure(.unknownKey(let kid)):
            return finished(
                .release(
                    dueAt: now.addingTimeInterval(60), code: "key_unknown",
                    message: "The credential is sealed with the key `\(kid)`, which this replica does not hold."))
        case .failure(.unreadable):
            return finished(failed(.unreadable))
        case .success(let credential):
            if let verdict = deadWithoutCall(credential) { return finished(failed(verdict)) }
            guard let app else { return finished(failed(.appMissing)) }
            return await present(credential, as: app)
        }
    }

    /// A taken-over or forced row whose token may be spent waits for its class (PROTOCOL §6).
    private func replayBlock() -> AttemptEnd? {
        guard claim.doubt, entry.replayClass == .family, let expiry = claim.accessExpiresAt,
            expiry.timeIntervalSince(now) > 120
        else { return nil }
        return .release(
            dueAt: expiry.addingTimeInterval(-120), code: "doubt",
            message: "The stored refresh token may be spent; it is presented again when the access token ends.")
    }

    private func deadWithoutCall(_ credential: Credential) -> FailedEnd? {
        switch entry.credential {
        case .none:
            return nil
        case .refreshToken:
            guard let token = credential.refreshToken, !token.isEmpty else {
                return .deadWithoutCall(
                    code: "refresh_token_missing", message: "There is no refresh token: the channel must be connected again.")
            }
            if let expiry = claim.refreshExpiresAt, expiry <= now {
                return .deadWithoutCall(
                    code: "refresh_token_expired", message: "The refresh token reached its end: the channel must be connected again.")
            }
        case .accessToken:
            guard let token = credential.accessToken, !token.isEmpty else {
                return .deadWithoutCall(
                    code: "access_token_missing", message: "There is no access token: the channel must be connected again.")
            }
            if entry.policy.onlyUnexpired, let expiry = claim.accessExpiresAt, expiry <= now {
                return .deadWithoutCall(
                    code: "access_token_expired",
                    message: "The access token ran out, and this provider renews unexpired ones only: the channel must be connected again.")
            }
        }
        return nil
    }

    /// Sends, with the app's next secret after a `client` answer; at most three transfers.
    private func present(_ credential: Credential, as app: App) async -> FinishedAttempt {
        var result = failedAttempt(.notSent(code: "no_secret", message: "The app has no client secret."))
        let secrets: [Secret?] = app.secrets.isEmpty ? [nil] : app.secrets.map { $0 }
        for (index, secret) in secrets.prefix(Self.transfersMax).enumerated() {
            result = await transfer(credential, app: app, secret: secret, index: index)
            guard result.answerClass == .client else { return result }
        }
        return result
    }

    private func transfer(_ credential: Credential, app: App, secret: Secret?, index: Int) async -> FinishedAttempt {
        let request: OutgoingRequest
        do {
            request = try entry.refreshRequest(
                RequestInputs(
                    credential: credential, clientID: app.clientID, clientSecret: secret, redirectURI: app.redirectURI))
        } catch {
            return failedAttempt(
                .answer(
                    AnswerFailure(
                        answerClass: .request, reason: "request_not_buildable", isNamed: false, consumed: false, message: "\(error)")))
        }
        var reservation: JournalReservation?
        if isJournalled {
            do {
                reservation = try journal.reserve()
            } catch {
                return finished(
                    .release(
                        dueAt: now.addingTimeInterval(30), code: "journal_unavailable",
                        message: "The journal cannot take an answer (\(error)); rotating providers wait."))
            }
        }
        let requestedAt = now
        let sentAt = clock.now
        let permit = permission()
        let end = await sender.send(request, limits: TransferLimits(total: limit)) { permit.grant() }
        switch end {
        case .notSent(let code, let message):
            if let reservation { journal.release(reservation) }
            if permit.wasRefused {
                return finished(
                    .release(
                        dueAt: now.addingTimeInterval(1), code: "gate_closed",
                        message: "The request was held back: its answer could not be kept now."))
            }
            return failedAttempt(.notSent(code: code, message: message))
        case .lost(let code, let message):
            if let reservation { journal.release(reservation) }
            return failedAttempt(.unknown(code: code, message: message), sentAt: sentAt)
        case .answered(let response):
            let answer = JournalAnswer(
                key: claim.key, tenantID: claim.tenantID, provider: claim.provider, appID: claim.appID,
                secretIndex: index, grantID: claim.grantID, base: claim.base, requestedAt: requestedAt,
                presented: credential, catalogueRevision: catalogueRevision, status: response.status,
                headers: response.headers, body: response.body, isCut: response.isCut, isOverLong: response.isOverLong)
            return await keepAndRead(answer, reservation: reservation, sentAt: sentAt)
        }
    }

    /// Journals a 2xx answer before anything else is done with it, then reads it.
    private func keepAndRead(
        _ answer: JournalAnswer, reservation: JournalReservation?, sentAt: ContinuousClock.Instant
    ) async -> FinishedAttempt {
        var isKept = false
        if let reservation {
            if (200..<300).contains(answer.status) {
                isKept = await keep(answer, using: reservation)
            } else {
                journal.release(reservation)
            }
        }
        switch AnswerReader(entry: entry).read(answer, expiredBefore: claim.accessExpiresAt, now: now, actor: actor) {
        case .success(let success):
            var attempt = finished(.success(success))
            attempt.isJournalled = isKept
            return attempt
        case .failure(let end):
            var attempt = failedAttempt(end, sentAt: sentAt)
            attempt.isJournalled = isKept
            return attempt
        }
    }

    /// An answer that cannot be journalled is stored from memory, and nothing more is sent meanwhile (PROTOCOL §3.5).
    private func keep(_ answer: JournalAnswer, using reservation: JournalReservation) async -> Bool {
        do {
            try await journal.append(answer, using: reservation)
            gate.journal(failed: false)
            return true
        } catch {
            gate.journal(failed: true)
            return false
        }
    }

    private func permission() -> SendPermit {
        SendPermit(
            deadline: batch.sentAt + ProtocolTimes.sendWindow - limit, gate: gate, clock: clock,
            isJournalled: isJournalled)
    }

    private func failedAttempt(_ end: FailedEnd, sentAt: ContinuousClock.Instant? = nil) -> FinishedAttempt {
        var attempt = finished(failed(end, sentAt: sentAt))
        if case .answer(let answer) = end {
            attempt.answerClass = answer.answerClass
            attempt.retryAfter = answer.retryAfter
        }
        return attempt
    }

    private func failed(_ end: FailedEnd, sentAt: ContinuousClock.Instant? = nil) -> AttemptEnd {
        .failure(
            FailurePolicy(entry: entry, ladder: configuration.ladder).failure(
                of: claim, end, now: now, sentFor: sentAt.map { $0.duration(to: clock.now) } ?? .zero,
                random: Double.random(in: 0..<1), actor: actor))
    }

    private func finished(_ end: AttemptEnd) -> FinishedAttempt {
        FinishedAttempt(claim: claim, end: end, isJournalled: false, isNoted: isJournalled)
    }
}

/// The last check before the request bytes, asked once by the transfer (PROTOCOL §3.4).
final class SendPermit: Sendable {
    private let deadline: ContinuousClock.Instant
    private let gate: SendGate
    private let clock: any LocalClock
    private let isJournalled: Bool
    private let refused = Mutex(false)

    init(deadline: ContinuousClock.Instant, gate: SendGate, clock: any LocalClock, isJournalled: Bool) {
        self.deadline = deadline
        self.gate = gate
        self.clock = clock
        self.isJournalled = isJournalled
    }

    func grant() -> Bool {
        let isGranted = clock.now <= deadline && gate.isOpen(journalled: isJournalled)
        if !isGranted { refused.withLock { $0 = true } }
        return isGranted
    }

    var wasRefused: Bool { refused.withLock { $0 } }
}
