package import Domain
import FoundationEssentials
package import Logging
import Scheduling
import ServiceLifecycle

/// Turns slots of schedules into jobs when their time comes, by the database's clock.
///
/// Every replica looks; whoever moves a schedule on inserts its job in the same transaction. Slots that were missed while
/// nobody ran are one.
package struct ScheduleRunner: Service {
    static let loopName = "schedules"
    static let batch = 100

    let store: any ScheduleStore
    /// Sent when there is a new schedule.
    let wake: WakeSignal
    /// Sent when there is a new job.
    let jobs: WakeSignal
    let heartbeats: Heartbeats
    let clock: any LocalClock
    let poll: Duration
    let logger: Logger

    package init(
        store: any ScheduleStore, wake: WakeSignal, jobs: WakeSignal, heartbeats: Heartbeats,
        clock: any LocalClock = SystemClock(), poll: Duration = .seconds(5), logger: Logger
    ) {
        self.store = store
        self.wake = wake
        self.jobs = jobs
        self.heartbeats = heartbeats
        self.clock = clock
        self.poll = poll
        self.logger = logger
    }

    package func run() async throws {
        await withGracefulShutdownHandler {
            var isFailing = false
            while !Task.isShuttingDownGracefully, !Task.isCancelled {
                heartbeats.beat(Self.loopName)
                var pause = poll
                do {
                    pause = try await takeDue()
                    isFailing = false
                } catch {
                    // Once an outage.
                    if !isFailing {
                        logger.warning(
                            "schedules cannot be read", metadata: ["event": "schedules.failed", "error": "\(error)"])
                    }
                    isFailing = true
                }
                await wake.wait(atMost: pause, clock: clock)
            }
        } onGracefulShutdown: {
            wake.send()
        }
        heartbeats.end(Self.loopName)
    }

    /// Takes every slot whose time has come.
    ///
    /// - Returns: until when nothing comes, ``poll`` at most.
    func takeDue() async throws -> Duration {
        while true {
            let look = try await store.dueSchedules(limit: Self.batch)
            for schedule in look.due { try await take(schedule, at: look.databaseTime) }
            guard look.due.count == Self.batch else {
                let wait = look.next.map { Duration.seconds(max(0.01, $0.timeIntervalSince(look.databaseTime))) }
                return min(poll, wait ?? poll)
            }
        }
    }

    private func take(_ schedule: Schedule, at now: Date) async throws {
        let next: Date?
        do {
            next = try Recurrence(schedule.time).next(
                after: max(now, schedule.nextAt ?? now), anchor: schedule.anchorAt)
        } catch {
            // A time zone that this machine does not know: it runs this once, and not again until it is made anew.
            next = nil
            logger.error("a schedule cannot be read", metadata: metadata(schedule, "schedule.unreadable", "\(error)"))
        }
        switch try await store.takeSlot(of: schedule, next: next) {
        case .started(let job):
            jobs.send()
            logger.info("a schedule's time has come", metadata: metadata(schedule, "schedule.started", job))
        case .skipped:
            logger.notice(
                "a schedule's job is not finished, so this time is passed over",
                metadata: metadata(schedule, "schedule.skipped", schedule.lastJobID ?? ""))
        case .lost: break
        }
    }

    private func metadata(_ schedule: Schedule, _ event: String, _ detail: String) -> Logger.Metadata {
        [
            "event": "\(event)", "schedule": "\(schedule.id)", "kind": "\(schedule.work.kind.rawValue)",
            "detail": "\(detail)",
        ]
    }
}
