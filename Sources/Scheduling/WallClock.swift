import FoundationEssentials

/// The clock on the wall of one time zone: between moments and days with times of day.
struct WallClock {
    let zone: TimeZone

    private static let calendar: Calendar = {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        return calendar
    }()

    /// Month, day and weekday (0 is Sunday) of a day, counted from 1970-01-01.
    static func date(of day: Int) -> (month: Int, day: Int, weekday: Int) {
        let parts = calendar.dateComponents([.month, .day], from: Date(timeIntervalSince1970: Double(day) * 86_400))
        return (parts.month ?? 1, parts.day ?? 1, ((day + 4) % 7 + 7) % 7)
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
