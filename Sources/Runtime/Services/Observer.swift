import API
import Domain
import FoundationEssentials
import Journal
import Logging
import ServiceLifecycle
import Store

/// Keeps what probes, `/status` and `/metrics` say fresh, so that answering them touches nothing.
struct Observer: Service {
    static let interval: Duration = .seconds(2)
    static let foldEvery = 5

    let store: Store
    let relay: any RelayStore
    let journal: any AnswerJournal
    let journalID: UUID
    let ring: [String]
    let health: HealthBoard
    let metrics: Metrics
    let heartbeats: Heartbeats
    let reads: ReadCounter
    let clock: any LocalClock
    let logger: Logger

    func run() async throws {
        declare()
        let stop = WakeSignal()
        await withGracefulShutdownHandler {
            var round = 0
            var isFailing = false
            while !Task.isShuttingDownGracefully, !Task.isCancelled {
                heartbeats.beat("status")
                do {
                    try await observe(folding: round % Self.foldEvery == 0)
                    if isFailing { logger.notice("status is read again", metadata: ["event": "status.recovered"]) }
                    isFailing = false
                } catch {
                    // Once an outage: this comes around every two seconds.
                    if !isFailing {
                        logger.warning(
                            "status cannot be read", metadata: ["event": "status.failed", "error": "\(error)"])
                    }
                    isFailing = true
                }
                noteMemory()
                round += 1
                await stop.wait(atMost: Self.interval, clock: clock)
            }
        } onGracefulShutdown: {
            stop.send()
        }
        await writeReads()
        heartbeats.end("status")
    }

    private func observe(folding: Bool) async throws {
        await writeReads()
        if folding {
            try await store.foldTotals()
            heartbeats.beat("status")
            try await store.noteReplica(journalID, openEntries: journal.standing().openEntries, kids: ring)
        }
        // A slow database is not a stalled loop.
        heartbeats.beat("status")
        let totals = try await store.totals()
        heartbeats.beat("status")
        let relayed = try await relay.relayTotals()
        health.update(
            HealthBoard.Findings(
                totals: totals, incidentsOpen: relayed.openIncidents.values.reduce(0, +),
                deliveriesPending: relayed.pending, deliveriesDead: relayed.dead))
        metrics.replace(
            "tokenward_channels",
            with: totals.providers.flatMap { provider, counts in
                ChannelStatus.allCases.map { status in
                    ([("provider", provider), ("status", status.name)], Double(counts.counts[status] ?? 0))
                }
            })
        for severity in Severity.allCases {
            metrics.set(
                "tokenward_incidents_open", [("severity", severity.rawValue)],
                to: Double(relayed.openIncidents[severity] ?? 0))
        }
        metrics.set("tokenward_deliveries_pending", to: Double(relayed.pending))
        metrics.set("tokenward_deliveries_dead", to: Double(relayed.dead))
        metrics.set("tokenward_channels_overdue", to: Double(totals.overdue))
    }

    /// Counts of token reads are written together; what the database does not take counts again.
    private func writeReads() async {
        let counted = reads.drain()
        guard !counted.isEmpty else { return }
        do { try await store.add(counted) } catch { reads.restore(counted) }
    }

    /// What needs no database.
    private func noteMemory() {
        let standing = journal.standing()
        metrics.set("tokenward_journal_entries", [("state", "open")], to: Double(standing.openEntries))
        metrics.set("tokenward_journal_entries", [("state", "retained")], to: Double(standing.retainedEntries))
        metrics.set("tokenward_journal_entries", [("state", "quarantined")], to: Double(standing.quarantinedEntries))
        metrics.replace(
            "tokenward_loop_heartbeat_timestamp_seconds",
            with: heartbeats.times().map { ([("loop", $0.loop)], $0.at.timeIntervalSince1970) })
    }

    private func declare() {
        metrics.declare("tokenward_channels", .gauge, help: "Channels by provider and status.")
        metrics.declare("tokenward_channels_overdue", .gauge, help: "Channels due for more than a minute, up to 10000.")
        metrics.declare("tokenward_incidents_open", .gauge, help: "Open incidents by severity.")
        metrics.declare("tokenward_deliveries_pending", .gauge, help: "Messages on their way.")
        metrics.declare("tokenward_deliveries_dead", .gauge, help: "Messages given up and not replayed.")
        metrics.declare("tokenward_journal_entries", .gauge, help: "Entries of this replica's journal by state.")
        metrics.declare(
            "tokenward_loop_heartbeat_timestamp_seconds", .gauge, help: "When each loop last showed life.")
        metrics.declare("tokenward_build_info", .gauge, help: "The version that runs.")
        metrics.set("tokenward_build_info", [("version", Version.text)], to: 1)
    }
}
