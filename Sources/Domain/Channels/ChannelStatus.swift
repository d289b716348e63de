/// What a channel is for its users; the raw value is what the database stores.
package enum ChannelStatus: Int16, Sendable, CaseIterable {
    case active = 1
    /// A human should know; see ``WarningReason``.
    case warning = 2
    case paused = 3
    case disconnected = 4

    /// The word of the API, the command line and metrics.
    package var name: String {
        switch self {
        case .active: "active"
        case .warning: "warning"
        case .paused: "paused"
        case .disconnected: "disconnected"
        }
    }

    package init?(name: String) {
        guard let match = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = match
    }
}

/// Why a channel is in `warning` (or parked by a fault of its own).
package enum WarningReason: String, Sendable, CaseIterable {
    /// The grant is dead: only a human at the provider can help. The loop stops.
    case reauthorizationRequired = "reauthorization_required"
    /// Three failures of the channel's own in a row, or the access token ran out meanwhile. The loop goes on.
    case refreshFailing = "refresh_failing"
    /// The account is blocked or unpaid at the provider. Tried daily.
    case suspended
    /// The provider answered, but the expiry did not move.
    case notExtended = "not_extended"
    /// The grant lacks a scope the platform needs. The loop stops.
    case scopeMissing = "scope_missing"
    /// The sealed credential does not open: moved, damaged, or rolled back. Quarantined, and a security event.
    case sealedUnreadable = "sealed_unreadable"

    /// Whether the refresh loop leaves the channel alone until a new grant.
    package var parks: Bool {
        switch self {
        case .reauthorizationRequired, .scopeMissing, .sealedUnreadable: true
        case .refreshFailing, .suspended, .notExtended: false
        }
    }

    /// Whether a renewal alone ends the warning (PROTOCOL §4 `clears`).
    package var clearedByRenewal: Bool {
        switch self {
        case .refreshFailing, .reauthorizationRequired, .suspended: true
        case .scopeMissing, .notExtended, .sealedUnreadable: false
        }
    }
}
