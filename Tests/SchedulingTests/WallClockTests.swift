import Domain
import FoundationEssentials
import Testing

@testable import Scheduling

struct WallClockTests {
    @Test func `a day's date is the calendar's`() {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        // From 1600 to 2400, and the days around them.
        for day in stride(from: -135_150, through: 157_100, by: 13) {
            let date = Date(timeIntervalSince1970: Double(day) * 86_400)
            let parts = calendar.dateComponents([.month, .day, .weekday], from: date)
            let found = WallClock.date(of: day)
            #expect(
                found.month == parts.month && found.day == parts.day && found.weekday + 1 == parts.weekday, "\(date)")
        }
    }

    @Test func `what is written down of a recurrence is the same recurrence`() throws {
        let madrid = try Recurrence.zone("Europe/Madrid")
        for recurrence in [Recurrence.every(.seconds(90)), .cron(try Cron("0  2 * *  mon"), madrid)] {
            let read = try Recurrence(recurrence.time)
            #expect(read == recurrence)
        }
        #expect(throws: CronError.self) { try Recurrence(.cron("0 0 2 * * *", timeZone: "UTC")) }
        #expect(throws: CronError.self) { try Recurrence(.cron("0 2 * * *", timeZone: "Mars/Olympus")) }
    }
}
