import FoundationEssentials

/// PostgreSQL's `timestamptz`: microseconds since 2000-01-01 UTC.
enum TimestampTZ {
    /// From 2000-01-01 to Foundation's reference date, 2001-01-01: a leap year.
    private static let secondsToReference = 366.0 * 86400
    /// What the type can hold: 4714-11-24 BC to AD 294276, in microseconds.
    private static let bounds = -211_813_488_000_000_000...9_223_371_331_199_999_999 as ClosedRange<Int64>

    /// Nil when the date is not a number or outside the type's range.
    static func microseconds(_ date: Date) -> Int64? {
        if date == .distantFuture { return .max }
        if date == .distantPast { return .min }
        let seconds = date.timeIntervalSinceReferenceDate + secondsToReference
        guard let value = Int64(exactly: (seconds * 1_000_000).rounded()), bounds.contains(value) else { return nil }
        return value
    }

    static func date(microseconds: Int64) -> Date {
        switch microseconds {
        case .max: .distantFuture
        case .min: .distantPast
        default: Date(timeIntervalSinceReferenceDate: Double(microseconds) / 1_000_000 - secondsToReference)
        }
    }
}
