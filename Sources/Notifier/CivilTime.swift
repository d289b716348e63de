import FoundationEssentials

/// A moment in UTC by the calendar, for headers and messages; no locale, no time zone database.
struct CivilTime: Equatable {
    let year, month, day, hour, minute, second: Int
    /// 0 is Sunday.
    let weekday: Int

    init(_ date: Date) {
        let bounded = min(max(date.timeIntervalSince1970, -60_000_000_000), 250_000_000_000)
        let seconds = Int(bounded.rounded(.down))
        let days = seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400
        let rest = seconds - days * 86400
        hour = rest / 3600
        minute = rest / 60 % 60
        second = rest % 60
        weekday = ((days + 4) % 7 + 7) % 7
        // Howard Hinnant's civil_from_days: eras of 400 years that begin in March.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// `2026-11-21 06:53 UTC`: what people read, the same in every language.
    var readable: String { "\(day(separator: " "))\(pad(hour)):\(pad(minute)) UTC" }

    /// `2026-11-21T06:53:22Z` (RFC 3339).
    var timestamp: String { "\(day(separator: "T"))\(pad(hour)):\(pad(minute)):\(pad(second))Z" }

    /// `Sat, 21 Nov 2026 06:53:22 +0000` (RFC 5322).
    var mailDate: String {
        "\(Self.weekdays[weekday]), \(day) \(Self.months[month - 1]) \(pad(year, 4)) \(pad(hour)):\(pad(minute)):\(pad(second)) +0000"
    }

    /// The time of an HTTP date (`Sun, 06 Nov 1994 08:49:37 GMT`); nil for any other form.
    static func httpDate(_ text: String) -> Date? {
        let parts = text.split { $0 == " " || $0 == "," || $0 == ":" }
        guard parts.count == 8, parts[7] == "GMT", let day = Int(parts[1]), (1...31).contains(day),
            let month = months.firstIndex(of: String(parts[2])), let year = Int(parts[3]), (1970...9999).contains(year),
            let hour = Int(parts[4]), let minute = Int(parts[5]), let second = Int(parts[6]), (0..<24).contains(hour),
            (0..<60).contains(minute), (0...60).contains(second)
        else { return nil }
        // Days before the first of March of the year, then days within the year that begins in March.
        let marchYear = month < 2 ? year - 1 : year
        let marchMonth = (month + 10) % 12
        let dayOfYear = (153 * marchMonth + 2) / 5 + day - 1
        let days = 365 * marchYear + marchYear / 4 - marchYear / 100 + marchYear / 400 + dayOfYear - 719_468
        return Date(timeIntervalSince1970: Double(days * 86400 + hour * 3600 + minute * 60 + second))
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private func day(separator: String) -> String { "\(pad(year, 4))-\(pad(month))-\(pad(day))\(separator)" }

    private func pad(_ number: Int, _ width: Int = 2) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
