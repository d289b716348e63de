/// What happens to a presented refresh token, and so what an unknown outcome allows (PROTOCOL §2, §6).
package enum ReplayClass: Sendable, Equatable {
    /// The presented token survives its use: an attempt may be repeated.
    case free
    /// A reuse revokes the whole family of tokens.
    case family
    /// The old token stays valid for a while after its use.
    case grace(Duration)
    /// One use; also everything not known.
    case single

    /// Whether answers go through the journal before anything else.
    package var isJournalled: Bool { self != .free }

    /// T: hard limit of one transfer.
    package var transferLimit: Duration { self == .free ? .seconds(10) : .seconds(30) }

    /// L: how long a claim holds the row; the hold-down for everybody else after a crash.
    ///
    /// - Parameter margin: the entry's refresh margin (`policy.refresh_before`).
    package func lease(margin: Duration) -> Duration {
        switch self {
        case .free: .seconds(120)
        case .grace(let window): min(max(window / 4, .seconds(120)), .seconds(300))
        case .family, .single: min(max(margin / 2, .seconds(120)), .seconds(1800))
        }
    }
}
