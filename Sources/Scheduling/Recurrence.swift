package import FoundationEssentials

/// When something comes again: at an interval, or by a cron on the wall of a time zone.
package enum Recurrence: Sendable, Equatable {
    /// At least a second.
    case every(Duration)
    case cron(Cron, TimeZone)

    /// - Throws: ``CronError`` for a zone that is not in the database of time zones (IANA).
    package static func zone(_ name: String) throws(CronError) -> TimeZone {
        let isName = name.utf8.allSatisfy { (33...126).contains($0) }
        guard isName, let zone = TimeZone(identifier: name) else {
            throw CronError("There is no time zone `\(name.prefix(60))`: write one as `Europe/Madrid` or `UTC`.")
        }
        return zone
    }

    /// The first time after `moment`; runs that were missed until then are left out, so they collapse into one.
    ///
    /// - Parameter anchor: a run of an interval, from which the others are counted.
    package func next(after moment: Date, anchor: Date) -> Date? {
        switch self {
        case .cron(let cron, let zone): return cron.next(after: moment, in: zone)
        case .every(let interval):
            let seconds = max(1, Double(interval.components.seconds))
            let runs = (moment.timeIntervalSince(anchor) / seconds).rounded(.down) + 1
            return anchor.addingTimeInterval(max(runs, 1) * seconds)
        }
    }
}
