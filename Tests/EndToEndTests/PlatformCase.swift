import Sandbox

/// What a platform does to a refresh, and what must come of it for the channel.
enum PlatformCase: String, CaseIterable, Sendable {
    case renewal, revoked, serverError, html, cut, tooLong, closedBefore, closedAfter, dripping, notExtended, endUntold
    // The last two, in this order: they slow the whole app or provider down.
    case appRejected, rateLimited

    /// The end of one forced refresh.
    struct Expected: Sendable {
        var outcome: String
        var status = "active"
        var failures = 0
        /// The stored token may be spent.
        var doubt = false
        /// Tokens the platform issued.
        var renewals = 0
        /// What a second forced refresh says; nil: not asked.
        var again: String?
    }

    func applies(to platform: SandboxPlatform) -> Bool {
        switch self {
        // The others wait 30 s for the rest of an answer: one test of its own.
        case .dripping: platform.isFree
        case .notExtended: !platform.hasRefreshToken
        case .endUntold: platform.isMeta
        default: true
        }
    }

    var fault: SandboxFault? {
        switch self {
        case .renewal, .revoked: nil
        case .serverError: .serverError(status: 503)
        case .html: .html()
        case .cut: .cut
        case .tooLong: .huge()
        case .closedBefore: .closed()
        case .closedAfter: .closed(afterRotating: true)
        case .dripping: .dripping(every: .seconds(1))
        case .notExtended: .notExtended
        case .endUntold: .missingExpiry
        case .appRejected: .appRejected
        case .rateLimited: .rateLimited(retryAfter: .seconds(1))
        }
    }

    func expected(of platform: SandboxPlatform) -> Expected {
        let unknown = Expected(
            outcome: "unknown_outcome", failures: 1, doubt: !platform.isFree,
            again: platform.isFree ? "renewed" : "not_due")
        func spent(_ expected: Expected) -> Expected {
            var expected = expected
            expected.renewals = 1
            return expected
        }
        switch self {
        case .renewal, .endUntold: return Expected(outcome: "renewed", renewals: 1)
        case .revoked: return Expected(outcome: "reauthorization_required")
        case .serverError:
            return platform.isFree ? Expected(outcome: "transient", failures: 1, again: "renewed") : unknown
        case .html, .closedBefore: return unknown
        case .cut, .tooLong, .closedAfter, .dripping: return spent(unknown)
        case .notExtended: return Expected(outcome: "not_extended", status: "warning", renewals: 1)
        case .appRejected: return Expected(outcome: "app_rejected")
        case .rateLimited: return Expected(outcome: "rate_limited")
        }
    }
}

extension SandboxPlatform {
    /// Whether a presented credential survives its use, by the catalogue (PROTOCOL §2).
    var isFree: Bool { self == .youtube || self == .googleAds }

    /// Whether the token's end is `debug_token`'s to tell.
    var isMeta: Bool { [.facebook, .facebookAds, .whatsapp].contains(self) }
}
