package import FoundationEssentials

/// A recurring time of five fields, as crontab(5) has it: minute, hour, day of the month, month, day of the week.
///
/// Names of months and weekdays, lists, ranges and steps are read; when both days are restricted, either may match.
package struct Cron: Sendable, Equatable, CustomStringConvertible {
    /// As it was written, with single spaces.
    package let description: String
    let minute, hour, day, month, weekday: CronField

    /// 29 February comes after eight years at the latest (1896–1904, 2096–2104).
    private static let daysMax = 9 * 366

    /// - Throws: ``CronError``: which field is wrong, or that the day never comes.
    package init(_ text: String) throws(CronError) {
        let fields = text.split(whereSeparator: \.isWhitespace)
        guard fields.count == 5 else { throw Self.wrongCount(fields.count) }
        minute = try CronField(fields[0], .minute)
        hour = try CronField(fields[1], .hour)
        day = try CronField(fields[2], .day)
        month = try CronField(fields[3], .month)
        weekday = try CronField(fields[4], .weekday)
        description = fields.joined(separator: " ")
        guard next(after: Date(timeIntervalSince1970: 0), in: .gmt) != nil else {
            throw CronError("`\(description)` names a day that no month has: mend the day or the month.")
        }
    }

    private static func wrongCount(_ count: Int) -> CronError {
        let form = "write five: minute hour day month weekday, such as `0 2 * * *`"
        return count == 6
            ? CronError("A cron of six fields is not read, there are no seconds here: \(form).")
            : CronError("A cron has five fields, not \(count): \(form).")
    }

    /// The first time after `moment`, exclusive, by the clock on the wall of `zone`.
    ///
    /// A time that the clock leaps over in spring is run as soon as it has leapt; one that comes twice in autumn is run
    /// the first time. With `*` for the hour it runs in both hours: intervals stay what they are.
    package func next(after moment: Date, in zone: TimeZone) -> Date? {
        let clock = WallClock(zone: zone)
        return hour.isStar ? nextByInstants(after: moment, clock) : nextByDays(after: moment, clock)
    }

    private func nextByDays(after moment: Date, _ clock: WallClock) -> Date? {
        let first = clock.day(of: moment)
        for offset in 0...Self.daysMax {
            let day = first + offset
            guard allows(WallClock.date(of: day)) else { continue }
            for hour in hour.values {
                for minute in minute.values {
                    let time = clock.moment(day: day, hour: hour, minute: minute)
                    if time > moment { return time }
                }
            }
        }
        return nil
    }

    /// Goes from minute to minute in real time, over whole days and hours that do not match in one step.
    private func nextByInstants(after moment: Date, _ clock: WallClock) -> Date? {
        var time = Date(timeIntervalSince1970: (moment.timeIntervalSince1970 / 60).rounded(.down) * 60 + 60)
        let end = moment.addingTimeInterval(Double(Self.daysMax) * 86_400)
        while time < end {
            let (day, secondOfDay) = clock.reading(at: time)
            let (hour, minute) = (secondOfDay / 3600, secondOfDay / 60 % 60)
            if !allows(WallClock.date(of: day)) {
                // Not over a change of the clock: an hour before midnight is near enough to go by minutes.
                time += secondOfDay < 82_800 ? Double(82_800 - secondOfDay) : 60
            } else if !self.hour.allows(hour) {
                time += Double(60 * (60 - minute))
            } else if !self.minute.allows(minute) {
                time += 60
            } else {
                return time
            }
        }
        return nil
    }

    private func allows(_ date: (month: Int, day: Int, weekday: Int)) -> Bool {
        guard month.allows(date.month) else { return false }
        let (isDay, isWeekday) = (day.allows(date.day), weekday.allows(date.weekday))
        return day.isStar || weekday.isStar ? isDay && isWeekday : isDay || isWeekday
    }
}
