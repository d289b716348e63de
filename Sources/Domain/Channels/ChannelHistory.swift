package import FoundationEssentials

/// One end of an attempt, or one change by a person, of a channel.
package struct HistoryEntry: Sendable, Equatable {
    package var attempt: Int64
    /// What an outcome is called, or `created`, `credential_replaced`, `paused`, `resumed`, `disconnected`, `revoked`.
    package var outcome: String
    package var at: Date
    package var actor: String
    package var code: String?
    package var message: String?
    /// The provider's id of its answer.
    package var providerRequestID: String?

    package init(
        attempt: Int64, outcome: String, at: Date, actor: String, code: String?, message: String?,
        providerRequestID: String?
    ) {
        self.attempt = attempt
        self.outcome = outcome
        self.at = at
        self.actor = actor
        self.code = code
        self.message = message
        self.providerRequestID = providerRequestID
    }
}

/// Which rows of a channel's history are asked for; nil matches all.
package struct HistoryQuery: Sendable {
    package var actor: String?
    package var window: TimeWindow
    /// The last row of the page before.
    package var before: (attempt: Int64, outcome: String)?
    /// At most 501.
    package var limit: Int

    package init(
        actor: String? = nil, window: TimeWindow = TimeWindow(), before: (attempt: Int64, outcome: String)? = nil,
        limit: Int = 100
    ) {
        self.actor = actor
        self.window = window
        self.before = before
        self.limit = limit
    }
}

/// How often a caller took a channel's token.
package struct TokenReads: Sendable, Equatable {
    package var channelID: ChannelID
    /// The API token's name.
    package var caller: String
    package var count: Int
    package var lastAt: Date

    package init(channelID: ChannelID, caller: String, count: Int, lastAt: Date) {
        self.channelID = channelID
        self.caller = caller
        self.count = count
        self.lastAt = lastAt
    }
}

/// What becomes of a consumer's report of a rejected token (PROTOCOL §7: a hint, one per channel and epoch, one in ten
/// minutes).
package enum ReportStanding: Sendable, Equatable {
    /// To be checked now.
    case news
    /// The credential has been written since.
    case oldEpoch(current: Int64)
    /// Checked already, for this epoch or within the last ten minutes.
    case known
}
