package import FoundationEssentials

/// When a refresh token may be presented again although an earlier attempt's answer is not known (PROTOCOL §6).
package enum ReplayRule {
    /// A transfer starts only if it can end this long after its claim was sent (PROTOCOL §3.4).
    package static let sendWindow: Duration = .seconds(95)
    /// Wait after the hard deadline of a transfer whose token is spent by one use.
    package static let singlePause: Duration = .seconds(60)
    /// Wait after the hard deadline while the old token stays valid for a time.
    package static let gracePause: Duration = .seconds(15)
    /// Life left in an access token below which a family is put at risk.
    package static let familyLife: Duration = .seconds(120)

    /// The first moment at which a replay is allowed.
    ///
    /// - Parameters:
    ///   - claimedAt: of the attempt whose end is not known; its transfer ends within ``sendWindow``.
    ///   - accessExpiresAt: of the token that consumers use meanwhile.
    package static func earliest(
        _ replayClass: ReplayClass, claimedAt: Date, accessExpiresAt: Date?
    ) -> Date {
        let deadline = claimedAt.addingTimeInterval(sendWindow.seconds)
        switch replayClass {
        case .free: return claimedAt
        case .grace: return deadline.addingTimeInterval(gracePause.seconds)
        case .single: return deadline.addingTimeInterval(singlePause.seconds)
        case .family:
            let single = deadline.addingTimeInterval(singlePause.seconds)
            return max(single, accessExpiresAt?.addingTimeInterval(-familyLife.seconds) ?? single)
        }
    }

    /// When the claim with this number was made, as far as its number tells (PROTOCOL §1: database microseconds).
    package static func claimedAt(attempt: Int64) -> Date {
        Date(timeIntervalSince1970: Double(attempt) / 1_000_000)
    }
}
