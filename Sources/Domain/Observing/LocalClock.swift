/// This machine's monotonic time, which counts suspend: the clock of send deadlines, leases' local side and waits.
package protocol LocalClock: Sendable {
    var now: ContinuousClock.Instant { get }
    /// Returns after `duration`, or throws `CancellationError`.
    func sleep(for duration: Duration) async throws
}

/// The real ``LocalClock``: CLOCK_BOOTTIME on Linux.
package struct SystemClock: LocalClock {
    package init() {}

    package var now: ContinuousClock.Instant { .now }

    package func sleep(for duration: Duration) async throws {
        try await ContinuousClock().sleep(for: duration)
    }
}
