package import Domain

/// Limits and times of the refresh loop (DESIGN §3.2 "limits").
package struct RefresherConfiguration: Sendable {
    /// The longest transfer with which three fit into a lease (PROTOCOL §3.4: 3·T + 5 s ≤ 100 s).
    package static let transferLimitMax: Duration = .seconds(31)

    /// Transfers in flight over all providers.
    package var concurrency: Int
    /// Transfers in flight for one provider.
    package var concurrencyPerProvider: Int
    /// Hard limit of one transfer of a provider that does not rotate, at most ``transferLimitMax``; the others' is
    /// PROTOCOL's 30 s.
    package var transferLimit: Duration
    /// Longest sleep between two looks at the schedule.
    package var poll: Duration
    package var ladder: RetryLadder
    /// Whether the loop claims what is due; without it only refreshes on demand run (the command line's `refresh`).
    package var claimsDue: Bool
    /// How often orphans are taken over.
    package var takeoverEvery: Duration

    package init(
        concurrency: Int = 256, concurrencyPerProvider: Int = 64, transferLimit: Duration = .seconds(10),
        poll: Duration = .seconds(5), ladder: RetryLadder = RetryLadder(), claimsDue: Bool = true,
        takeoverEvery: Duration = .seconds(5)
    ) {
        self.concurrency = concurrency
        self.concurrencyPerProvider = concurrencyPerProvider
        self.transferLimit = min(transferLimit, Self.transferLimitMax)
        self.poll = poll
        self.ladder = ladder
        self.claimsDue = claimsDue
        self.takeoverEvery = takeoverEvery
    }
}

/// Times that PROTOCOL fixes.
enum ProtocolTimes {
    /// Pause between the confirmations of a dead grant (§7).
    static let confirmationPause: Duration = .seconds(30)
    /// A suspended account is tried this often (DESIGN §2).
    static let suspendedPause: Duration = .seconds(86_400)
    /// A required refresh token was missing in the answer (DESIGN §4).
    static let doubtPause: Duration = .seconds(60)
    /// Probe of a paused app (§7).
    static let appProbe: Duration = .seconds(600)
    /// The first canaries of an app whose verdicts are held, the next ones, and the end of the hold (§7).
    static let holdLook: Duration = .seconds(900)
    static let holdProbe: Duration = .seconds(60)
    static let holdMax: Duration = .seconds(3600)
    /// Second look at a suspect app (§7).
    static let suspectProbe: Duration = .seconds(60)
    /// A claim that is given back because of the app or of this replica's journal or keys is due again after it.
    static let ownFaultPause: Duration = .seconds(60)
}
