import FoundationEssentials

/// The clock on the wall of one time zone: between moments and days with times of day.
struct WallClock {
    let zone: TimeZone

    /// Month, day and weekday (0 is Sunday) of a day, counted from 1970-01-01.
    ///
    /// By arithmetic in eras of 400 years that begin in March (Howard Hinnant, “chrono-compatible low-level date
    /// algorithms”): a rare cron looks at thousands of days.
    static func date(of day: Int) -> (month: Int, day: Int, weekday: Int) {
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        return (
            month < 10 ? month + 3 : month - 9, dayOfYear - (153 * month + 2) / 5 + 1, ((day + 4) % 7 + 7) % 7
        )
    }

    func day(of moment: Date) -> Int { reading(at: moment).day }

    func reading(at moment: Date) -> (day: Int, secondOfDay: Int) {
        let local = Int(moment.timeIntervalSince1970.rounded(.down)) + zone.secondsFromGMT(for: moment)
        let day = local >= 0 ? local / 86_400 : (local - 86_399) / 86_400
        return (day, local - day * 86_400)
    }

    /// The first moment at which the clock shows this; the moment after the leap when it never does.
    func moment(day: Int, hour: Int, minute: Int) -> Date {
        let local = day * 86_400 + hour * 3600 + minute * 60
        let (before, after) = (offset(at: local - 86_400), offset(at: local + 86_400))
        for offset in [before, after] where self.offset(at: local - offset) == offset {
            return Date(timeIntervalSince1970: Double(local - offset))
        }
        // In between the clock leaps from the one offset to the other: find the second it does.
        var (low, high) = (local - after, local - before)
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if offset(at: middle) == after { high = middle } else { low = middle }
        }
        return Date(timeIntervalSince1970: Double(high))
    }

    private func offset(at second: Int) -> Int {
        zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(second)))
    }
}
