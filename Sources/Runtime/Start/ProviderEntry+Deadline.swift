import Domain
import Providers

extension ProviderEntry {
    /// What moves the end of this provider's grants; nil: nothing is known of it, or there is no end.
    var deadlineRule: RelayRules.DeadlineRule? {
        if credential == .accessToken { return .accessToken }
        return switch lifetime.refreshKind {
        case .fixed: .human
        case .sliding, .idle: .renewal
        // The end is what answers tell: within the warning time of a long grant nothing has moved it.
        case .unknown: (lifetime.refresh ?? .zero) >= .seconds(60 * 86400) ? .human : .renewal
        case .ownAccess: .accessToken
        case .unlimited, .organization, .none: nil
        }
    }
}
