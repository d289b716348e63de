/// How a refresh ended; the raw value is the contract's word.
package enum Outcome: String, Sendable, CaseIterable {
    case renewed
    case notDue = "not_due"
    case reauthorizationRequired = "reauthorization_required"
    case suspended
    case appRejected = "app_rejected"
    case requestRejected = "request_rejected"
    case rateLimited = "rate_limited"
    case transient
    case unclassified
    /// The request may have been consumed and its answer is lost.
    case unknownOutcome = "unknown_outcome"
    /// The provider answered with success, but the expiry did not move.
    case notExtended = "not_extended"
    /// Another attempt or a new grant wrote first.
    case superseded
    case leaseLost = "lease_lost"
    case paused
}

/// The catalogue's class of an answer that is not a success (research: providers §4).
package enum AnswerClass: String, Sendable, CaseIterable {
    case reauth
    case suspended
    case client
    case request
    case rateLimited = "rate_limited"
    case transient
    case tooEarly = "too_early"
    case unknown

    package var outcome: Outcome {
        switch self {
        case .reauth: .reauthorizationRequired
        case .suspended: .suspended
        case .client: .appRejected
        case .request: .requestRejected
        case .rateLimited: .rateLimited
        case .transient: .transient
        case .tooEarly: .notDue
        case .unknown: .unclassified
        }
    }
}
