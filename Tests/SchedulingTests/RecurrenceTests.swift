import FoundationEssentials
import Scheduling
import Testing

struct RecurrenceTests {
    private let anchor = Date(timeIntervalSince1970: 1_800_000_000)

    /// Seconds since the anchor, and the next run's.
    static let runs: [(Double, Double)] = [
        (-5, 60), (0, 60), (59, 60), (60, 120), (61, 120), (2_592_001, 2_592_060),
    ]

    @Test(arguments: runs)
    func `missed runs of an interval collapse into the next one`(_ passed: Double, _ next: Double) {
        let found = Recurrence.every(.seconds(60)).next(after: anchor.addingTimeInterval(passed), anchor: anchor)
        #expect(found == anchor.addingTimeInterval(next))
    }

    @Test func `a cron does not care for its last run`() throws {
        let recurrence = Recurrence.cron(try Cron("0 0 * * *"), .gmt)
        let next = recurrence.next(after: anchor, anchor: .distantPast)
        #expect(next == recurrence.next(after: anchor, anchor: .distantFuture))
    }

    @Test(arguments: ["", "Mars/Olympus", "../etc/passwd", "Europe/Madrid\u{0}"])
    func `an unknown time zone is refused with a sentence`(_ name: String) {
        let error = #expect(throws: CronError.self) { try Recurrence.zone(name) }
        #expect(error?.description.contains("time zone") == true)
    }
}
