package import FoundationEssentials

/// When people are told again (PROTOCOL §9).
extension RelayRules {
    /// The last stretch before a deadline, in which reminders come more often.
    package static let urgentStretch = Duration.seconds(24 * 3600)
    package static let urgentEvery = Duration.seconds(4 * 3600)
    /// Reminders without an answer after which the next one goes to the destination's `escalatesTo` too.
    package static let unansweredMax = 2
    /// How long before a grant's end people are warned, the longest first.
    package static let warningDays = [30, 14, 7, 3, 1]
    /// An incident that comes back within this time is flapping.
    package static let flapWindow = Duration.seconds(3600)
    /// How much longer the end of a flapping incident is held back, for each time it came back; at most ``flapWindow``.
    package static let flapWait = Duration.seconds(600)

    /// The next reminder: one period after the later of now and the one before, missed or not.
    ///
    /// In the last ``urgentStretch`` before the deadline the period is ``urgentEvery``. A grant that ends soon is
    /// reminded of at each of ``warningDays``, and then like everything else.
    package func nextReminder(of cause: IncidentCause, after previous: Date, now: Date, deadline: Date?) -> Date {
        let base = max(previous, now)
        guard let deadline, base < deadline else { return base.later(by: remindEvery) }
        let urgent = min(remindEvery, Self.urgentEvery)
        let urgentFrom = deadline.earlier(by: Self.urgentStretch)
        if base >= urgentFrom { return base.later(by: urgent) }
        if cause.kind == .channel, cause.reason == IncidentCause.expiring {
            return Self.warningDays.map { deadline.earlier(by: .seconds($0 * 86400)) }.filter { $0 > base }.min()
                ?? base.later(by: urgent)
        }
        return min(base.later(by: remindEvery), max(urgentFrom, base.later(by: urgent)))
    }

    /// How long the end of an incident waits before it is told, in case it comes back.
    ///
    /// - Parameter flaps: how often it came back within ``flapWindow``.
    package func closeWait(flaps: Int) -> Duration {
        max(groupWait, min(Self.flapWait * max(0, flaps), Self.flapWindow))
    }

    /// Reminders that would follow within this time go out together.
    package var reminderGathering: Duration { min(remindEvery / 24, .seconds(3600)) }
}

extension Date {
    package func later(by duration: Duration) -> Date { addingTimeInterval(duration.seconds) }
    package func earlier(by duration: Duration) -> Date { addingTimeInterval(-duration.seconds) }
}
