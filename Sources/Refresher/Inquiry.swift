import Domain
import FoundationEssentials
import Providers

/// Asks the provider about an access token; nothing is presented for a new one and nothing is consumed.
struct Inquiry: Sendable {
    enum Answer: Sendable {
        case report(Inspection)
        /// The app was refused, or the provider wants to be left alone.
        case refused(AnswerFailure)
        /// There is nothing to ask with, nobody answered, or the answer says nothing.
        case none
    }

    let attempt: Attempt
    let credential: Credential
    let app: App

    /// What the provider says of a token it has just given out; whatever is wrong with the question is nobody's failure.
    func report() async -> Inspection? {
        if case .report(let inspection) = await run() { inspection } else { nil }
    }

    /// With the app's next secret after a refusal of the app; at most three transfers.
    func run() async -> Answer {
        let secrets: [Secret?] = app.secrets.isEmpty ? [nil] : app.secrets.map { $0 }
        var answer = Answer.none
        for secret in secrets.prefix(Attempt.transfersMax) {
            answer = await ask(with: secret)
            guard case .refused(let failure) = answer, failure.answerClass == .client else { return answer }
        }
        return answer
    }

    private func ask(with secret: Secret?) async -> Answer {
        let shared = attempt.shared
        let inputs = RequestInputs(credential: credential, app: app, secret: secret)
        guard let request = try? attempt.entry.inspectRequest(inputs) else { return .none }
        let limit = shared.transferLimit
        let permit = SendPermit(
            deadline: attempt.batch.sentAt + ReplayRule.sendWindow - limit, gate: shared.gate, clock: shared.clock,
            isJournalled: false)
        guard permit.isPossible else { return .none }
        let end = await shared.sender.send(request, limits: TransferLimits(total: limit)) { permit.grant() }
        guard case .answered(let response) = end, !response.isCut, !response.isOverLong else { return .none }
        let secrets = [credential.accessToken, credential.refreshToken, secret].compactMap(\.self)
        do {
            return .report(
                try attempt.entry.inspection(
                    status: response.status, headers: response.headers, body: response.body, at: attempt.now,
                    presented: secrets))
        } catch .refused(let failure) {
            switch failure.answerClass {
            case .client, .rateLimited: return .refused(failure)
            // A refusal of the question is never a verdict on the grant (PROTOCOL §7).
            case .reauth, .suspended, .request, .transient, .tooEarly, .unknown: return .none
            }
        } catch {
            return .none
        }
    }
}
