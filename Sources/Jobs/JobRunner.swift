package import Domain
package import Logging
import ServiceLifecycle
import Synchronization

/// Carries out jobs: claims one with a lease, refreshes its channels in order of id, notes each batch as it is done.
///
/// A process that dies leaves a lease that runs out; whoever takes the job then goes on after the last batch. What was
/// renewed and not noted is found young, so that nothing is renewed twice.
package struct JobRunner: Service {
    static let loopName = "jobs"
    /// Longer than a batch takes: the patience of a refresh and the store's.
    static let lease: Duration = .seconds(150)
    static let patience: Duration = .seconds(60)
    static let batch = 32
    /// Jobs that one replica works on at a time.
    static let jobsMax = 4

    let store: any JobStore
    let refresher: any OnDemandRefreshing
    let wake: WakeSignal
    let heartbeats: Heartbeats
    let clock: any LocalClock
    let logger: Logger
    let poll: Duration
    private let running = Running()

    package init(
        store: any JobStore, refresher: any OnDemandRefreshing, wake: WakeSignal, heartbeats: Heartbeats,
        clock: any LocalClock = SystemClock(), poll: Duration = .seconds(2), logger: Logger
    ) {
        self.store = store
        self.refresher = refresher
        self.wake = wake
        self.heartbeats = heartbeats
        self.clock = clock
        self.poll = poll
        self.logger = logger
    }

    package func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                while !Task.isShuttingDownGracefully, !Task.isCancelled {
                    heartbeats.beat(Self.loopName)
                    await takeJobs(into: &group)
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

    /// Works on a job until it ends, is cancelled, or this process stops.
    func work(on claim: JobClaim) async {
        var claim = claim
        let options = RefreshOptions(
            force: claim.order.force, retryDead: claim.order.retryDead, dryRun: claim.order.dryRun, actor: claim.actor,
            patience: Self.patience)
        do {
            while !Task.isShuttingDownGracefully, !Task.isCancelled {
                let channels = try await store.nextChannels(of: claim, limit: Self.batch)
                guard let last = channels.last else {
                    try await store.finishJob(claim, as: .completed)
                    logger.info("job completed", metadata: ["event": "job.completed", "job": "\(claim.jobID)"])
                    return
                }
                let reports = try await refresher.refresh(channels, options)
                guard try await store.advanceJob(claim, past: last, reports, lease: Self.lease) else { return }
                claim.cursor = last
            }
            try await store.releaseJob(claim)
        } catch {
            // Its lease runs out, and somebody goes on after the last batch; after a stop at once.
            if Task.isShuttingDownGracefully { try? await store.releaseJob(claim) }
            logger.warning(
                "a job is interrupted",
                metadata: ["event": "job.interrupted", "job": "\(claim.jobID)", "error": "\(error)"])
        }
    }
}

/// How many jobs this process works on.
private final class Running: Sendable {
    private let count = Mutex(0)

    func enter() -> Bool {
        count.withLock { count in
            guard count < JobRunner.jobsMax else { return false }
            count += 1
            return true
        }
    }

    func leave() { count.withLock { $0 -= 1 } }
}
