/// When a failed delivery is tried again; pure.
package struct DeliverySchedule: Sendable, Equatable {
    package var delays: [Duration]

    package static let standard: [Duration] =
        [5, 30, 120, 600, 1800, 3600, 10800, 21600].map { .seconds($0) } + Array(repeating: .seconds(43200), count: 5)

    /// What a receiver may ask for with `Retry-After`.
    package static let retryAfterBounds: ClosedRange<Duration> = .seconds(1)...(.seconds(3600))

    package init(delays: [Duration] = DeliverySchedule.standard) {
        self.delays = delays
    }

    /// The wait after the `tries`-th failed try (1 is the first), ± 20 %; nil when there is no further try.
    ///
    /// - Parameters:
    ///   - random: uniform in 0..<1.
    ///   - floor: not sooner than this, whatever the schedule says.
    package func delay(tries: Int, random: Double, floor: Duration? = nil) -> Duration? {
        guard tries >= 1, tries <= delays.count else { return nil }
        let delay = delays[tries - 1] * (0.8 + 0.4 * random)
        return max(delay, floor ?? .zero)
    }
}
