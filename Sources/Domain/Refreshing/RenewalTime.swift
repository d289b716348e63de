package import FoundationEssentials

/// When a channel's tokens are renewed; pure, in database time (DESIGN §4 "Due").
package struct RenewalTime: Sendable {
    /// `policy.refresh_before` of the entry.
    package var refreshBefore: Duration
    /// `policy.keep_alive`: renew at least this often.
    package var keepAlive: Duration?
    /// `policy.min_age`: a younger token is served, not renewed.
    package var minAge: Duration

    package init(refreshBefore: Duration, keepAlive: Duration? = nil, minAge: Duration = .zero) {
        self.refreshBefore = refreshBefore
        self.keepAlive = keepAlive
        self.minAge = minAge
    }

    /// How long before the end a token of this whole life is renewed: a quarter of the life at most.
    package func margin(life: Duration?) -> Duration {
        guard let life, life > .zero else { return refreshBefore }
        return min(refreshBefore, life / 4)
    }

    /// When the machine acts next; nil when the token never expires and nothing keeps it alive.
    ///
    /// - Parameters:
    ///   - channel: seeds the jitter, which is always the same for one channel and below a tenth of the margin.
    ///   - expiresAt: the access token's end; nil when it has none.
    package func dueAt(channel: ChannelID, issuedAt: Date, expiresAt: Date?, life: Duration?) -> Date? {
        let idleEnd = keepAlive.map { issuedAt.addingTimeInterval($0.seconds) }
        guard let expiresAt else { return idleEnd }
        let margin = margin(life: life)
        let jitter = margin * (Self.fraction(of: channel) / 10)
        let due = expiresAt.addingTimeInterval(-(margin + jitter).seconds)
        let earliest = issuedAt.addingTimeInterval(minAge.seconds)
        return max(min(due, idleEnd ?? due), earliest)
    }

    /// Whether a manual refresh finds the token within its margin (no jitter).
    package func needsRefresh(now: Date, expiresAt: Date?, life: Duration?) -> Bool {
        guard let expiresAt else { return false }
        return expiresAt.timeIntervalSince(now) <= margin(life: life).seconds
    }

    /// A number in 0..<1 that is the same for a channel in every process (FNV-1a, 32 bits).
    static func fraction(of channel: ChannelID) -> Double {
        var hash: UInt32 = 2_166_136_261
        for byte in channel.rawValue.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        return Double(hash) / 4_294_967_296
    }
}

extension Duration {
    /// The duration in seconds, fractions included.
    package var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
