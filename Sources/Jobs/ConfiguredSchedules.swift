package import Domain
package import FoundationEssentials
package import Scheduling

/// The settings' sweeps and cleanup as schedules, each under an id made of its kind and text: the same on every replica,
/// and another one as soon as the text is.
package enum ConfiguredSchedules {
    package static func all(sweeps: [Recurrence], cleanup: Recurrence, now: Date) -> [NewSchedule] {
        sweeps.map { schedule(.sweep, $0, now: now) } + [schedule(.cleanup(dryRun: false), cleanup, now: now)]
    }

    private static func schedule(_ work: JobWork, _ recurrence: Recurrence, now: Date) -> NewSchedule {
        let text =
            switch recurrence.time {
            case .every(let interval): "\(interval.components.seconds)s"
            case .cron(let cron, let zone): "\(cron) \(zone)"
            }
        return NewSchedule(
            id: "\(work.kind.rawValue):\(text)", work: work, tenantID: nil, time: recurrence.time, anchorAt: now,
            nextAt: recurrence.next(after: now, anchor: now))
    }
}
