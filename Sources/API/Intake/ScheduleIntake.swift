package import Domain
package import FoundationEssentials
import Scheduling

/// Makes schedules of what people write, for the routes and the command line alike.
package struct ScheduleIntake: Sendable {
    package static let minutesMax = 525_600

    package var work: JobWork
    package var tenantID: String?
    package var intervalMinutes: Int?
    package var cron: String?
    /// IANA; UTC when nil.
    package var timeZone: String?

    package init(
        work: JobWork, tenantID: String?, intervalMinutes: Int? = nil, cron: String? = nil, timeZone: String? = nil
    ) {
        self.work = work
        self.tenantID = tenantID
        self.intervalMinutes = intervalMinutes
        self.cron = cron
        self.timeZone = timeZone
    }

    /// - Throws: ``IntakeError`` that says what to write.
    package func schedule(now: Date) throws(IntakeError) -> NewSchedule {
        let recurrence = try recurrence()
        // As it was written: a zone has several names.
        let time: ScheduleTime =
            if let cron = cron { .cron(Self.squeezed(cron), timeZone: timeZone ?? "UTC") } else { recurrence.time }
        return NewSchedule(
            id: NewSchedule.generatedID(), work: work, tenantID: tenantID, time: time, anchorAt: now,
            nextAt: recurrence.next(after: now, anchor: now))
    }

    private func recurrence() throws(IntakeError) -> Recurrence {
        switch (intervalMinutes, cron) {
        case (let minutes?, nil):
            guard (1...Self.minutesMax).contains(minutes) else {
                throw IntakeError("`intervalMinutes` is a number from 1 to \(Self.minutesMax)")
            }
            guard timeZone == nil else { throw IntakeError("`timeZone` belongs to `cron`; leave it out") }
            return .every(.seconds(minutes * 60))
        case (nil, let cron?):
            do {
                return .cron(try Cron(cron), try Recurrence.zone(timeZone ?? "UTC"))
            } catch {
                throw IntakeError("\(error)")
            }
        default:
            throw IntakeError("one of `intervalMinutes` and `cron` is required")
        }
    }

    private static func squeezed(_ cron: String) -> String {
        cron.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}
