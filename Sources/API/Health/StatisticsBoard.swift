package import Domain

/// Statistics that are never counted twice at a time, nor for more than a twentieth of the time.
///
/// Counting reads every channel, so an answer serves for twenty times as long as it took to count, `ageMax` at most:
/// in a small installation that is no time at all.
package actor StatisticsBoard {
    private struct Entry {
        var statistics: RefreshStatistics
        var goodUntil: ContinuousClock.Instant
    }

    private typealias Waiter = CheckedContinuation<Result<RefreshStatistics, any Error>, Never>

    static let restFactor = 20
    static let ageMax: Duration = .seconds(60)
    /// Tenants whose answer is kept.
    static let entriesMax = 1000

    private let source: any StatisticsSource
    private let clock: any LocalClock
    private var entries: [String?: Entry] = [:]
    private var waiting: [String?: [Waiter]] = [:]

    package init(source: any StatisticsSource, clock: any LocalClock = SystemClock()) {
        self.source = source
        self.clock = clock
    }

    /// - Parameter tenantID: nil: of the installation.
    /// - Throws: what the source throws, to everybody who waits for it.
    package func statistics(tenantID: String?) async throws -> RefreshStatistics {
        if let entry = entries[tenantID], entry.goodUntil > clock.now { return entry.statistics }
        if waiting[tenantID] != nil {
            return try await withCheckedContinuation { waiting[tenantID, default: []].append($0) }.get()
        }
        waiting[tenantID] = []
        let start = clock.now
        let result: Result<RefreshStatistics, any Error>
        do {
            result = .success(try await source.statistics(tenantID: tenantID))
        } catch {
            result = .failure(error)
        }
        if case .success(let statistics) = result {
            let end = clock.now
            entries = entries.filter { $0.value.goodUntil > end }
            if entries.count < Self.entriesMax {
                let rest = min(start.duration(to: end) * Self.restFactor, Self.ageMax)
                entries[tenantID] = Entry(statistics: statistics, goodUntil: end + rest)
            }
        }
        for waiter in waiting.removeValue(forKey: tenantID) ?? [] { waiter.resume(returning: result) }
        return try result.get()
    }
}
