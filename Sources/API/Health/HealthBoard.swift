package import Domain
package import FoundationEssentials
import Synchronization

/// What probes and `/status` say, kept in memory: answering touches no database, provider or destination.
///
/// A loop of the runtime calls ``update(_:)`` every few seconds.
package final class HealthBoard: Sendable {
    /// What the update loop found.
    package struct Findings: Sendable {
        package var totals: ChannelTotals?
        package var incidentsOpen: Int
        package var deliveriesPending: Int
        package var deliveriesDead: Int

        package init(
            totals: ChannelTotals? = nil, incidentsOpen: Int = 0, deliveriesPending: Int = 0, deliveriesDead: Int = 0
        ) {
            self.totals = totals
            self.incidentsOpen = incidentsOpen
            self.deliveriesPending = deliveriesPending
            self.deliveriesDead = deliveriesDead
        }
    }

    /// The refresh loop's part.
    package struct Scheduler: Sendable {
        package var isRunning: Bool
        package var lastRunAt: Date?
        package var inFlight: Int
        /// A sentence when answers of rotating providers cannot be kept.
        package var degraded: String?

        package init(isRunning: Bool, lastRunAt: Date?, inFlight: Int, degraded: String? = nil) {
            self.isRunning = isRunning
            self.lastRunAt = lastRunAt
            self.inFlight = inFlight
            self.degraded = degraded
        }
    }

    private struct State {
        var findings = Findings()
        var databaseSeenAt: ContinuousClock.Instant?
        var isDraining = false
    }

    /// The database counts as reachable for this long after it last answered.
    static let databasePatience: Duration = .seconds(5)

    private let heartbeats: Heartbeats
    private let heartbeatMaxAge: Duration
    private let clock: any LocalClock
    let version: String
    private let scheduler: @Sendable () -> Scheduler
    private let state = Mutex(State())

    package init(
        heartbeats: Heartbeats, heartbeatMaxAge: Duration, clock: any LocalClock = SystemClock(), version: String,
        scheduler: @escaping @Sendable () -> Scheduler
    ) {
        self.heartbeats = heartbeats
        self.heartbeatMaxAge = heartbeatMaxAge
        self.clock = clock
        self.version = version
        self.scheduler = scheduler
    }

    /// The database answered with these findings.
    package func update(_ findings: Findings) {
        let now = clock.now
        state.withLock { state in
            state.findings = findings
            state.databaseSeenAt = now
        }
    }

    package func drain() { state.withLock { $0.isDraining = true } }

    /// 200 while every loop's heartbeat is young.
    package func liveness(verbose: Bool) -> APIResponse {
        let ages = heartbeats.ages()
        let isAlive = ages.allSatisfy { $0.age < heartbeatMaxAge }
        guard verbose else { return .text(isAlive ? "ok" : "stalled", status: isAlive ? 200 : 503) }
        let lines = ages.map { loop, age in
            "[\(age < heartbeatMaxAge ? "+" : "-")]\(loop) last beat \((age.seconds * 10).rounded() / 10) s ago"
        }
        return .text((lines + [isAlive ? "ok" : "stalled"]).joined(separator: "\n") + "\n", status: isAlive ? 200 : 503)
    }

    package func readiness() -> APIResponse {
        let now = clock.now
        let (isDraining, seenAt) = state.withLock { ($0.isDraining, $0.databaseSeenAt) }
        if isDraining { return .text("draining", status: 503) }
        guard let seenAt, seenAt.duration(to: now) < Self.databasePatience else {
            return .text("database unavailable", status: 503)
        }
        if let degraded = scheduler().degraded { return .text("degraded: \(degraded)") }
        return .text("ok")
    }

    /// DESIGN §3.5 `/status`; the provider part only for callers with a token.
    package func status(for caller: Caller?, now: Date = Date()) -> JSON {
        let findings = state.withLock { $0.findings }
        let scheduler = scheduler()
        let totals = findings.totals
        let warning = totals?.count(.warning) ?? 0
        let overdue = totals?.overdue ?? 0
        var members: [String: JSON] = [
            "healthy": .bool(totals != nil && warning == 0 && overdue == 0 && findings.deliveriesDead == 0),
            "timestamp": JSON(now), "version": .string(version),
            "channels": [
                "total": JSON(ChannelStatus.allCases.reduce(0) { $0 + (totals?.count($1) ?? 0) }),
                "active": JSON(totals?.count(.active) ?? 0), "warning": JSON(warning),
                "paused": JSON(totals?.count(.paused) ?? 0), "disconnected": JSON(totals?.count(.disconnected) ?? 0),
                "overdue": JSON(overdue),
            ],
            "scheduler": [
                "running": .bool(scheduler.isRunning), "lastRunAt": JSON(scheduler.lastRunAt),
                "nextDueAt": JSON(totals?.nextDueAt), "inFlight": JSON(scheduler.inFlight),
            ],
            "incidents": ["open": JSON(findings.incidentsOpen)],
            "deliveries": ["pending": JSON(findings.deliveriesPending), "dead": JSON(findings.deliveriesDead)],
        ]
        if let caller, caller.seesProviders {
            members["providers"] = .object((totals?.providers ?? [:]).mapValues { Self.provider($0, now: now) })
        }
        return .object(members)
    }

    /// How the refresh loop stands, and when the next channel is due.
    var loop: (isRunning: Bool, lastRunAt: Date?, nextDueAt: Date?, inFlight: Int) {
        let scheduler = scheduler()
        return (
            scheduler.isRunning, scheduler.lastRunAt, state.withLock { $0.findings.totals?.nextDueAt },
            scheduler.inFlight
        )
    }

    private static func provider(_ provider: ChannelTotals.Provider, now: Date) -> JSON {
        let hours = provider.expiresAt.map { $0.timeIntervalSince(now) / 3600 }
        return [
            "channels": JSON(provider.counts.filter { $0.key != .disconnected }.values.reduce(0, +)),
            "warning": JSON(provider.counts[.warning] ?? 0),
            "isValid": .bool((provider.counts[.active] ?? 0) > 0 && (hours ?? 1) > 0),
            "expiresAt": JSON(provider.expiresAt), "daysUntilExpire": JSON(hours.map { Int(($0 / 24).rounded(.down)) }),
            "hoursUntilExpire": JSON(hours.map { Int($0.rounded(.down)) }),
        ]
    }
}

extension Caller {
    /// Providers are no secret of a tenant, but a tenant's token is not for the whole installation.
    var seesProviders: Bool {
        switch role {
        case .superadmin, .probe: true
        case .tenant: false
        }
    }
}
