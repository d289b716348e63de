package import Domain
package import Logging
import ServiceLifecycle

/// Carries out jobs: claims one with a lease, refreshes its channels in order of id, notes each batch as it is done.
///
/// The lease is short and renewed while the work goes on. A process that dies leaves one that runs out; whoever takes the
/// job then goes on after the last batch. What was renewed and not noted is found young, so that nothing is renewed twice.
/// A try that throws is made again after a while, `triesMax` times in all.
package struct JobRunner: Service {
    static let loopName = "jobs"
    /// Nothing waits longer for another worker than this.
    static let lease: Duration = .seconds(30)
    /// Longer than the lease of a channel that a dead replica held, where that is the shortest (PROTOCOL §2: 120 s), and
    /// the look for orphans after it.
    static let patience: Duration = .seconds(150)
    static let batch = 32
    static let triesMax = 3
    /// Before the second try; doubled before the third.
    static let backoff: Duration = .seconds(10)
    /// When the refresh loop takes no work, another replica may.
    static let yield: Duration = .seconds(1)

    let store: any JobStore
    let refresher: any OnDemandRefreshing
    let cleaner: Cleaner
    let wake: WakeSignal
    let heartbeats: Heartbeats
    let clock: any LocalClock
    let logger: Logger
    let poll: Duration
    private let running: RunningJobs
    private let finished = FinishedTenants()

    /// - Parameter concurrency: jobs that this process works on at a time.
    package init(
        store: any JobStore, refresher: any OnDemandRefreshing, cleaner: Cleaner, concurrency: Int, wake: WakeSignal,
        heartbeats: Heartbeats, clock: any LocalClock = SystemClock(), poll: Duration = .seconds(2), logger: Logger
    ) {
        self.store = store
        self.refresher = refresher
        self.cleaner = cleaner
        self.wake = wake
        self.heartbeats = heartbeats
        self.clock = clock
        self.poll = poll
        self.logger = logger
        running = RunningJobs(max: concurrency)
    }

    package func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                while !Task.isShuttingDownGracefully, !Task.isCancelled {
                    heartbeats.beat(Self.loopName)
                    await takeJobs(into: &group)
                    await prune()
                    await wake.wait(atMost: poll, clock: clock)
                }
            }
        } onGracefulShutdown: {
            wake.send()
        }
        heartbeats.end(Self.loopName)
    }

    private func takeJobs(into group: inout DiscardingTaskGroup) async {
        while running.enter() {
            do {
                guard let claim = try await store.claimJob(lease: Self.lease) else {
                    running.leave()
                    return
                }
                group.addTask {
                    await work(on: claim)
                    running.leave()
                    wake.send()
                }
            } catch {
                running.leave()
                logger.warning("jobs cannot be read", metadata: ["event": "jobs.failed", "error": "\(error)"])
                return
            }
        }
    }

    /// Works on a job until it ends, is cancelled or lost, or this process stops.
    func work(on claim: JobClaim) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await hold(claim) }
            group.addTask { await carryOut(claim) }
            // Whichever ends first: the work, or this process's hold on it.
            await group.next()
            group.cancelAll()
        }
    }

    /// Returns when the job is somebody else's or nobody's, or when it is cancelled.
    private func hold(_ claim: JobClaim) async {
        while (try? await clock.sleep(for: Self.lease / 3)) != nil {
            // What cannot be asked is not lost: whatever is written is fenced.
            if (try? await store.holdJob(claim, lease: Self.lease)) == false { return }
        }
    }

    private func carryOut(_ claim: JobClaim) async {
        var claim = claim
        logger.info("job started", metadata: metadata(claim, "job.started"))
        do {
            switch claim.work {
            case .cleanup(let dryRun):
                let report = try await cleaner.clean(dryRun: dryRun)
                try await store.finishJob(claim, cleanup: report)
            case .refresh, .sweep:
                guard try await refreshAll(of: &claim) else { return }
                try await store.finishJob(claim, cleanup: nil)
            }
            finished.note(claim.tenantID, at: clock.now)
            logger.info("job completed", metadata: metadata(claim, "job.completed"))
            if claim.work == .sweep { logger.info("sweep completed", metadata: metadata(claim, "sweep.completed")) }
        } catch {
            await giveUp(claim, because: error)
        }
    }

    /// False when the job is not this process's to finish.
    private func refreshAll(of claim: inout JobClaim) async throws -> Bool {
        guard let order = claim.work.order else { return true }
        if claim.work == .sweep, claim.cursor == nil {
            logger.info("sweep started", metadata: metadata(claim, "sweep.started"))
        }
        let options = RefreshOptions(
            force: order.force, retryDead: order.retryDead, dryRun: order.dryRun, actor: claim.actor,
            patience: Self.patience)
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            let channels = try await store.nextChannels(of: claim, limit: Self.batch)
            guard let last = channels.last else { return true }
            let reports = try await refresher.refresh(channels, options)
            guard try await store.advanceJob(claim, past: last, reports, lease: Self.lease) else { return false }
            claim.cursor = last
            claim.tries = 0
        }
        try await store.releaseJob(claim, delay: .zero)
        return false
    }

    /// Gives the job back, for another try or for good; what the database does not take waits for the end of the lease.
    private func giveUp(_ claim: JobClaim, because error: any Error) async {
        if error is any RefreshNotTaken || Task.isShuttingDownGracefully || Task.isCancelled {
            try? await store.releaseJob(claim, delay: Self.yield)
            return
        }
        let tries = claim.tries + 1
        let delay = tries < Self.triesMax ? Self.backoff * (1 << (tries - 1)) : nil
        try? await store.noteFailedTry(of: claim, because: "\(error)", retryAfter: delay)
        if delay == nil { finished.note(claim.tenantID, at: clock.now) }
        var metadata = metadata(claim, delay == nil ? "job.failed" : "job.interrupted")
        metadata["error"] = "\(error)"
        metadata["try"] = "\(tries)"
        logger.warning("a job's try failed", metadata: metadata)
    }

    private func metadata(_ claim: JobClaim, _ event: String) -> Logger.Metadata {
        ["event": "\(event)", "job": "\(claim.jobID)", "kind": "\(claim.work.kind.rawValue)"]
    }

    /// A while after their ends, so that who waits for a job sees it.
    private func prune() async {
        for tenant in finished.take(before: clock.now - .seconds(3)) {
            do {
                try await store.pruneJobs(ofTenant: tenant, keeping: cleaner.policy.jobs)
            } catch {
                // The next end of a job, or the cleanup, comes by again.
                logger.debug("jobs are not pruned", metadata: ["event": "jobs.failed", "error": "\(error)"])
            }
        }
    }
}
