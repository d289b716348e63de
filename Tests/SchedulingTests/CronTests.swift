import FoundationEssentials
import Scheduling
import Testing

struct CronTests {
    /// A cron, its zone, a moment, and the runs that follow it.
    struct Case: CustomTestStringConvertible {
        var cron: String
        var zone = "UTC"
        var after: String
        var runs: [String]

        var testDescription: String { "\(cron) \(zone) after \(after)" }
    }

    static let cases = [
        Case(cron: "0 2 * * *", after: "2026-11-25T02:00:00Z", runs: ["2026-11-26T02:00:00Z", "2026-11-27T02:00:00Z"]),
        Case(cron: "0 2 * * *", after: "2026-11-25T01:59:59Z", runs: ["2026-11-25T02:00:00Z"]),
        Case(
            cron: "*/20 * * * *", after: "2026-11-25T10:05:30Z",
            runs: ["2026-11-25T10:20:00Z", "2026-11-25T10:40:00Z", "2026-11-25T11:00:00Z"]),
        Case(
            cron: "5/25 3 * * *", after: "2026-01-01T00:00:00Z",
            runs: ["2026-01-01T03:05:00Z", "2026-01-01T03:30:00Z"]),
        Case(
            cron: "0 */6 * * *", after: "2026-01-01T07:00:00Z", runs: ["2026-01-01T12:00:00Z", "2026-01-01T18:00:00Z"]),
        Case(
            cron: "30 9-17/4 * * MON-fri", after: "2026-11-27T13:30:00Z",
            runs: ["2026-11-27T17:30:00Z", "2026-11-30T09:30:00Z"]),
        // Leap days and the ends of months.
        Case(
            cron: "0 0 29 2 *", after: "2026-01-01T00:00:00Z", runs: ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
        Case(cron: "0 0 29 feb *", after: "2096-03-01T00:00:00Z", runs: ["2104-02-29T00:00:00Z"]),
        Case(
            cron: "0 0 31 * *", after: "2026-01-31T00:00:00Z", runs: ["2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"]),
        Case(
            cron: "0 12 30,31 * *", after: "2026-02-01T00:00:00Z",
            runs: ["2026-03-30T12:00:00Z", "2026-03-31T12:00:00Z", "2026-04-30T12:00:00Z", "2026-05-30T12:00:00Z"]),
        Case(
            cron: "59 23 28-31 2 *", after: "2027-02-27T00:00:00Z",
            runs: ["2027-02-28T23:59:00Z", "2028-02-28T23:59:00Z", "2028-02-29T23:59:00Z"]),
        Case(
            cron: "0 0 1 */5 *", after: "2026-02-01T00:00:00Z", runs: ["2026-06-01T00:00:00Z", "2026-11-01T00:00:00Z"]),
        Case(
            cron: "0 0 1 JAN,jul *", after: "2026-03-01T00:00:00Z",
            runs: ["2026-07-01T00:00:00Z", "2027-01-01T00:00:00Z"]),
        Case(cron: "59 23 31 12 *", after: "2026-12-31T23:59:00Z", runs: ["2027-12-31T23:59:00Z"]),
        Case(
            cron: "0 6 * * 5-7", after: "2026-11-26T07:00:00Z",
            runs: ["2026-11-27T06:00:00Z", "2026-11-28T06:00:00Z", "2026-11-29T06:00:00Z", "2026-12-04T06:00:00Z"]),
        Case(
            cron: "7-59/25 * * * *", after: "2026-01-01T00:00:00Z",
            runs: ["2026-01-01T00:07:00Z", "2026-01-01T00:32:00Z", "2026-01-01T00:57:00Z", "2026-01-01T01:07:00Z"]),
        // Both days restricted: either will do; a star restricts nothing.
        Case(
            cron: "0 0 13 * 5", after: "2026-11-12T00:00:00Z", runs: ["2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z"]),
        Case(cron: "0 0 * * 7", after: "2026-11-25T00:00:00Z", runs: ["2026-11-29T00:00:00Z", "2026-12-06T00:00:00Z"]),
        Case(
            cron: "0 0 */10 * 0", after: "2026-10-31T00:00:00Z",
            runs: ["2026-11-01T00:00:00Z", "2027-01-31T00:00:00Z"]),
        // Spring: 02:30 does not come, and is run at 03:00; the others are not touched.
        Case(
            cron: "30 2 * * *", zone: "Europe/Madrid", after: "2026-03-28T12:00:00Z",
            runs: ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]),
        Case(
            cron: "0,30 2 * * *", zone: "Europe/Madrid", after: "2026-03-28T12:00:00Z",
            runs: ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"]),
        Case(
            cron: "30 * * * *", zone: "Europe/Madrid", after: "2026-03-29T00:00:00Z",
            runs: ["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"]),
        // Autumn: 01:30 comes twice, and is run the first time; every half hour stays every half hour.
        Case(
            cron: "30 1 * * *", zone: "America/New_York", after: "2026-11-01T04:00:00Z",
            runs: ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]),
        Case(
            cron: "*/30 * * * *", zone: "America/New_York", after: "2026-11-01T05:00:00Z",
            runs: [
                "2026-11-01T05:30:00Z", "2026-11-01T06:00:00Z", "2026-11-01T06:30:00Z", "2026-11-01T07:00:00Z",
            ]),
        // Every second hour by the clock: 02:00 does not come in spring, and comes twice in autumn.
        Case(
            cron: "0 */2 * * *", zone: "Europe/Berlin", after: "2026-03-28T23:30:00Z",
            runs: ["2026-03-29T02:00:00Z", "2026-03-29T04:00:00Z"]),
        Case(
            cron: "0 */2 * * *", zone: "Europe/Berlin", after: "2026-10-24T22:30:00Z",
            runs: ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T03:00:00Z"]),
        // In autumn a time of the hour that comes twice is run once, a day is a day of 25 hours.
        Case(
            cron: "30 2 * * sun", zone: "Europe/Madrid", after: "2026-10-24T12:00:00Z",
            runs: ["2026-10-25T00:30:00Z", "2026-11-01T01:30:00Z"]),
        Case(
            cron: "0 0 * * *", zone: "America/New_York", after: "2026-10-31T04:00:00Z",
            runs: ["2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"]),
        // South of the equator the clock leaps in October; some leap at midnight.
        Case(
            cron: "30 2 * * *", zone: "Australia/Sydney", after: "2026-10-03T00:00:00Z",
            runs: ["2026-10-03T16:00:00Z", "2026-10-04T15:30:00Z"]),
        Case(
            cron: "0 0 * * *", zone: "America/Santiago", after: "2026-09-05T12:00:00Z",
            runs: ["2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"]),
        // Half an hour of change, and a zone far ahead.
        Case(
            cron: "15 2 * * *", zone: "Australia/Lord_Howe", after: "2026-10-03T00:00:00Z",
            runs: ["2026-10-03T15:30:00Z"]),
        Case(
            cron: "0 0 1 1 *", zone: "Pacific/Kiritimati", after: "2026-06-01T00:00:00Z", runs: ["2026-12-31T10:00:00Z"]
        ),
        Case(cron: "0 3 * * *", zone: "Asia/Kolkata", after: "1969-12-30T00:00:00Z", runs: ["1969-12-30T21:30:00Z"]),
    ]

    @Test(arguments: cases)
    func `the next runs`(_ item: Case) throws {
        let (cron, zone) = (try Cron(item.cron), try Recurrence.zone(item.zone))
        var moment = try Date(item.after, strategy: .iso8601)
        for run in item.runs {
            let next = try #require(cron.next(after: moment, in: zone))
            #expect(next.formatted(.iso8601) == run)
            moment = next
        }
    }

    @Test(arguments: [
        ("0 0 2 * * *", "six fields"), ("* * * *", "five fields, not 4"), ("", "five fields, not 0"),
        ("60 * * * *", "minute `60`"), ("* 24 * * *", "hour `24`"), ("* * 0 * *", "day of the month `0`"),
        ("* * * 13 *", "month `13`"), ("* * * * 8", "day of the week `8`"), ("* * * foo *", "names such as `feb`"),
        ("*/0 * * * *", "no usable step"), ("*/x * * * *", "no usable step"), ("1--2 * * * *", "minute `1--2`"),
        ("30-10 * * * *", "runs backwards"), ("1,,2 * * * *", "minute ``"), ("0 0 30 2 *", "no month has"),
        ("0 0 31 4,6,9,11 *", "no month has"), ("@daily", "five fields"), ("+1 * * * *", "minute `+1`"),
        ("٣ * * * *", "minute `٣`"), ("1/2/3 * * * *", "minute `1/2/3`"),
    ])
    func `a wrong cron is refused with a sentence`(_ text: String, _ part: String) {
        let error = #expect(throws: CronError.self) { try Cron(text) }
        #expect(error?.description.contains(part) == true, "\(String(describing: error))")
    }

    @Test func `a run comes at a time that the cron allows, whenever it is asked for`() throws {
        let (cron, zone) = (try Cron("10,40 1-3 * 3,10,11 *"), try Recurrence.zone("Europe/Berlin"))
        var dice = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            let moment = Date(timeIntervalSince1970: Double.random(in: 1_770_000_000...1_900_000_000, using: &dice))
            let next = try #require(cron.next(after: moment, in: zone))
            #expect(next > moment, "\(moment)")
            // Nothing lies between: asked right before, it is the same.
            #expect(cron.next(after: next.addingTimeInterval(-1), in: zone) == next, "\(moment)")
        }
    }
}
