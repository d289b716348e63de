import Domain
import FoundationEssentials
import Logging
import Providers
import Synchronization

/// Redeems a code once: intent, journal, answer, row (PROTOCOL §8.3–8.4).
struct CodeExchange: Sendable {
    /// The hard limit of a transfer whose answer cannot be had again (PROTOCOL §2).
    static let limit: Duration = .seconds(30)

    /// Everything a code is redeemed with.
    struct Redemption: Sendable {
        var target: AuthorizationTarget
        var entry: ProviderEntry
        var inputs: RequestInputs
        var stateDigest: [UInt8]
        var nonceDigest: [UInt8]?
        var catalogueRevision: String
    }

    enum End: Sendable {
        case kept(ExchangedAuthorization)
        /// In the journal, or in memory alone; the sweep brings it to the database.
        case keptForLater
        case replayed
        /// Nothing left: the code is as good as before.
        case notSent
        case refused(AuthorizationRefusal, message: String)
    }

    let authorizations: any AuthorizationStore
    let journal: any AnswerJournal
    let sender: any HTTPSending
    let now: @Sendable () -> Date
    let logger: Logger
    let backlog = ExchangeBacklog()

    func redeem(_ redemption: Redemption) async -> End {
        guard let request = try? redemption.entry.exchangeRequest(redemption.inputs) else {
            return .refused(.codeRefused, message: "")
        }
        guard let reservation = try? journal.reserve() else { return .notSent }
        let authorization: Authorization
        do {
            guard
                let begun = try await authorizations.begin(
                    redemption.target, stateDigest: redemption.stateDigest, nonceDigest: redemption.nonceDigest)
            else {
                journal.release(reservation)
                return .replayed
            }
            authorization = begun
        } catch {
            journal.release(reservation)
            return .notSent
        }
        let requestedAt = now()
        let permit = Permit()
        let end = await sender.send(request, limits: TransferLimits(total: Self.limit)) { permit.take() }
        guard case .answered(let response) = end, (200..<300).contains(response.status) else {
            journal.release(reservation)
            return await refuse(authorization, redemption, end, at: requestedAt)
        }
        var presented = Credential(
            scopes: redemption.inputs.credential.scopes, parameters: redemption.inputs.credential.parameters)
        if presented.scopes.isEmpty { presented.scopes = redemption.entry.authorization.defaultScopes }
        let answer = JournalAnswer(
            key: .authorization(authorization.id), tenantID: redemption.target.tenantID,
            provider: redemption.entry.name, appID: redemption.target.appID, secretIndex: 0,
            grantID: redemption.target.grantID ?? 0, base: 0, requestedAt: requestedAt, presented: presented,
            catalogueRevision: redemption.catalogueRevision, status: response.status, headers: response.headers,
            body: response.body, isCut: response.isCut, isOverLong: response.isOverLong)
        do {
            try await journal.append(answer, using: reservation)
        } catch {
            logger.error(
                "an answer to a code is not in the journal",
                metadata: ["event": "journal.failed", "error": "\(error)", "authorization": "\(authorization.id)"])
        }
        return await keep(answer)
    }

    /// Brings an answer to its row and settles its entry.
    func keep(_ answer: JournalAnswer) async -> End {
        do {
            _ = try await authorizations.keepExchange(answer)
            journal.noteDone([answer.key])
            guard let taken = try await authorizations.takeExchanged(only: answer.key.attempt, limit: 1).first else {
                return .keptForLater
            }
            return .kept(taken)
        } catch {
            backlog.add(answer)
            logger.warning(
                "an answer to a code waits for the database",
                metadata: ["event": "authorization.waiting", "authorization": "\(answer.key.attempt)"])
            return .keptForLater
        }
    }

    private func refuse(
        _ authorization: Authorization, _ redemption: Redemption, _ end: TransferEnd, at requestedAt: Date
    ) async -> End {
        let (refusal, message) = judge(redemption, end, at: requestedAt)
        // Without this the row stays `redeeming` until it is tidied away; nothing else depends on it.
        try? await authorizations.refuse(authorization.id, because: refusal)
        logger.notice(
            "a code brought no tokens",
            metadata: [
                "event": "authorization.refused", "reason": "\(refusal.rawValue)",
                "channel": "\(redemption.target.channelID)", "provider": "\(redemption.entry.name)",
            ])
        return .refused(refusal, message: message)
    }

    private func judge(
        _ redemption: Redemption, _ end: TransferEnd, at requestedAt: Date
    ) -> (AuthorizationRefusal, String) {
        guard case .answered(let response) = end else { return (.noAnswer, "") }
        let hidden = [redemption.inputs.code, redemption.inputs.codeVerifier, redemption.inputs.clientSecret]
        guard
            case .failure(let failure) = redemption.entry.verdict(
                status: response.status, headers: response.headers, body: response.body, phase: .exchange,
                presented: hidden.compactMap(\.self), now: requestedAt)
        else { return (.noAnswer, "") }
        return (AuthorizationRefusal(failure.answerClass), failure.message)
    }
}

extension AuthorizationRefusal {
    /// What a refused code or token says of the whole authorization.
    init(_ answerClass: AnswerClass) {
        switch answerClass {
        case .client: self = .appRejected
        case .transient, .rateLimited, .unknown, .tooEarly: self = .noAnswer
        case .reauth, .suspended, .request: self = .codeRefused
        }
    }
}

/// Answers that the database did not take yet; their owner is the sweep of this process.
final class ExchangeBacklog: Sendable {
    private let answers = Mutex<[JournalAnswer]>([])

    func add(_ answer: JournalAnswer) { answers.withLock { $0.append(answer) } }

    func takeAll() -> [JournalAnswer] {
        answers.withLock { answers in
            defer { answers = [] }
            return answers
        }
    }
}

/// A request leaves once.
private final class Permit: Sendable {
    private let isTaken = Mutex(false)

    func take() -> Bool {
        isTaken.withLock { isTaken in
            defer { isTaken = true }
            return !isTaken
        }
    }
}
