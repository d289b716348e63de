import Domain
import FoundationEssentials
import Providers

/// One request of an attempt: reserve, send, journal, read (PROTOCOL §3, steps 3 to 6).
struct Transfer: Sendable {
    struct End: Sendable {
        var finished: FinishedAttempt
        /// Whether anything may have reached the provider.
        var isHeard: Bool
    }

    let attempt: Attempt
    let credential: Credential
    let app: App
    let secret: Secret?
    let index: Int

    private var shared: Attempt.Surroundings { attempt.shared }

    func run() async -> End {
        let request: OutgoingRequest
        do {
            let inputs = RequestInputs(credential: credential, app: app, secret: secret)
            let upgrade = attempt.wantsUpgrade ? try attempt.entry.upgradeRequest(inputs) : nil
            request = try upgrade ?? attempt.entry.refreshRequest(inputs)
        } catch {
            let failure = AnswerFailure(
                answerClass: .request, reason: FailedEnd.notBuildable, isNamed: false, consumed: false,
                message: "\(error)")
            return End(finished: attempt.failed(.answer(failure)), isHeard: false)
        }
        let replayClass = attempt.replayClass
        let limit = replayClass.isJournalled ? replayClass.transferLimit : shared.transferLimit
        let permit = SendPermit(
            deadline: attempt.batch.sentAt + ReplayRule.sendWindow - limit, gate: shared.gate, clock: shared.clock,
            isJournalled: replayClass.isJournalled)
        guard permit.isPossible else { return heldBack() }
        var reservation: JournalReservation?
        if replayClass.isJournalled {
            do {
                reservation = try shared.journal.reserve()
            } catch {
                return journalUnavailable(error)
            }
        }
        let end = await shared.sender.send(request, limits: TransferLimits(total: limit)) { permit.grant() }
        return await read(end, permit: permit, reservation: reservation)
    }

    /// A full journal is making room; one that fails holds all rotating providers back until it works again.
    private func journalUnavailable(_ error: JournalError) -> End {
        if error != .full { shared.gate.journal(failed: true) }
        return End(
            finished: attempt.released(
                after: error == .full ? .seconds(2) : ProtocolTimes.ownFaultPause, code: "journal_unavailable",
                message: "The journal cannot take an answer (\(error)); rotating providers wait."),
            isHeard: false)
    }

    private func heldBack() -> End {
        End(
            finished: attempt.released(
                after: .seconds(1), code: "gate_closed",
                message: "The request was held back: its answer could not be kept now."),
            isHeard: false)
    }

    private func read(
        _ end: TransferEnd, permit: SendPermit, reservation: JournalReservation?
    ) async -> End {
        let sentAt = permit.grantedAt
        switch end {
        case .answered(let response):
            let answer = JournalAnswer(
                key: attempt.claim.key, tenantID: attempt.claim.tenantID, provider: attempt.claim.provider,
                appID: attempt.claim.appID, secretIndex: index, grantID: attempt.claim.grantID,
                base: attempt.claim.base,
                requestedAt: attempt.batch.databaseTime(at: sentAt ?? shared.clock.now), presented: credential,
                catalogueRevision: shared.catalogueRevision, status: response.status, headers: response.headers,
                body: response.body, isCut: response.isCut, isOverLong: response.isOverLong)
            return End(
                finished: await keepAndRead(answer, reservation: reservation, sentAt: sentAt), isHeard: true)
        case .notSent(let code, let message) where sentAt == nil:
            if let reservation { shared.journal.release(reservation) }
            if permit.wasRefused { return heldBack() }
            return End(finished: attempt.failed(.notSent(code: code, message: message)), isHeard: false)
        case .notSent(let code, let message), .lost(let code, let message):
            // Whatever the transfer says, the request was let go once.
            if let reservation { shared.journal.release(reservation) }
            let sentFor = sentAt?.duration(to: shared.clock.now) ?? .zero
            return End(
                finished: attempt.failed(.unknown(code: code, message: message), sentFor: sentFor), isHeard: true)
        }
    }

    /// Journals a 2xx answer before anything else is done with it, then reads it.
    private func keepAndRead(
        _ answer: JournalAnswer, reservation: JournalReservation?, sentAt: ContinuousClock.Instant?
    ) async -> FinishedAttempt {
        var isKept = false
        if let reservation {
            if (200..<300).contains(answer.status) {
                isKept = await keep(answer, using: reservation)
            } else {
                shared.journal.release(reservation)
            }
        }
        let reader = AnswerReader(entry: attempt.entry, replayClass: attempt.replayClass)
        var finished: FinishedAttempt
        let before = attempt.claim.accessExpiresAt
        switch reader.read(
            answer, expiredBefore: before, hiding: secret.map { [$0] } ?? [], now: attempt.now, actor: attempt.actor)
        {
        case .success(var success, let asks):
            if asks,
                let inspection = await Inquiry(attempt: attempt, credential: success.credential, app: app).report(),
                case .success(let better, _) = reader.read(
                    answer, expiredBefore: before, inspection: inspection, now: attempt.now, actor: attempt.actor)
            {
                success = better
            }
            if reservation == nil, let presented = answer.presented.refreshToken,
                success.credential.refreshToken != presented
            {
                isKept = await keepRotated(answer)
            }
            finished = attempt.finished(.success(success))
            finished.contact = .answered
        case .failure(let end):
            finished = attempt.failed(end, sentFor: sentAt?.duration(to: shared.clock.now) ?? .zero)
        }
        finished.isJournalled = isKept
        finished.isNoted = finished.isNoted || isKept
        return finished
    }

    /// A provider that was taken for one that does not rotate brought another refresh token (PROTOCOL §2).
    private func keepRotated(_ answer: JournalAnswer) async -> Bool {
        _ = shared.classes.noteRotation(of: attempt.claim.appID, at: attempt.entry.name)
        guard let reservation = try? shared.journal.reserve() else { return false }
        return await keep(answer, using: reservation)
    }

    /// An answer that cannot be journalled is stored from memory, and nothing more is sent meanwhile (PROTOCOL §3.5).
    private func keep(_ answer: JournalAnswer, using reservation: JournalReservation) async -> Bool {
        do {
            try await shared.journal.append(answer, using: reservation)
            shared.gate.journal(failed: false)
            return true
        } catch {
            shared.gate.journal(failed: true)
            return false
        }
    }
}
