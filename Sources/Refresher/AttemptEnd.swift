import Domain
import FoundationEssentials

/// How an attempt ended and what is to be stored of it.
enum AttemptEnd: Sendable {
    case success(StoredSuccess)
    case failure(StoredFailure)
    /// The token is well for now: what the provider said of it, and no new credential.
    case inspection(StoredInspection)
    /// Nothing left this machine and nothing is known to be wrong with the channel: the claim is given back.
    case release(dueAt: Date?, code: String, message: String)

    func report(for channel: ChannelID) -> RefreshReport {
        switch self {
        case .success(let success):
            RefreshReport(
                channelID: channel, outcome: success.outcome, reason: success.outcome.rawValue,
                message: success.outcome == .renewed
                    ? "The tokens were renewed." : "The provider answered with success, but the expiry did not move.",
                expiresAt: success.accessExpiresAt, nextRefreshAt: success.dueAt)
        case .failure(let failure):
            RefreshReport(
                channelID: channel, outcome: failure.outcome, reason: failure.code, message: failure.message,
                nextRefreshAt: failure.dueAt, providerRequestID: failure.providerRequestID)
        case .inspection(let inspection):
            RefreshReport(
                channelID: channel, outcome: .notDue, reason: "inspected",
                message: "The provider says that the token is well.", expiresAt: inspection.accessExpiresAt,
                nextRefreshAt: inspection.dueAt)
        case .release(let dueAt, let code, let message):
            RefreshReport(
                channelID: channel, outcome: .transient, reason: code, message: message, nextRefreshAt: dueAt)
        }
    }
}

/// An end with what the loop needs to deliver it.
struct FinishedAttempt: Sendable {
    var claim: Claim
    var end: AttemptEnd
    /// Database time at the end.
    var endedAt: Date
    /// Whether the journal holds an ANSWER for it.
    var isJournalled = false
    /// Whether the journal holds a CLAIM or an ANSWER for it.
    var isNoted: Bool
    /// The class of the provider's refusal: what the app is judged by.
    var answerClass: AnswerClass?
    /// The catalogue has the account looked up after this refusal.
    var mayHaveMoved = false
    var contact = Pacing.Contact.none
}
