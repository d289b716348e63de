package import Domain
import FoundationEssentials

/// Between a recurrence and what is written down of it.
extension Recurrence {
    /// - Throws: ``CronError`` for a cron or a time zone that cannot be read.
    package init(_ time: ScheduleTime) throws(CronError) {
        switch time {
        case .every(let interval): self = .every(interval)
        case .cron(let text, let zone): self = .cron(try Cron(text), try Self.zone(zone))
        }
    }

    package var time: ScheduleTime {
        switch self {
        case .every(let interval): .every(interval)
        case .cron(let cron, let zone): .cron(cron.description, timeZone: zone.identifier)
        }
    }
}
