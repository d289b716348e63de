/// Delays between failed tries, with full jitter (DESIGN §4).
package struct RetryLadder: Sendable, Equatable {
    package var steps: [Duration]

    package init(steps: [Duration] = RetryLadder.standard) {
        self.steps = steps
    }

    package static let standard: [Duration] =
        [1, 2, 5, 10, 20, 30].map { .seconds($0 * 60) } + [.seconds(3600), .seconds(7200), .seconds(21600)]

    /// How many failures in a row a whole step apart fit into this time; the first comes at its beginning.
    package func failures(within elapsed: Duration) -> Int {
        var left = elapsed
        var count = 1
        for step in steps.prefix(steps.count - min(1, steps.count)) {
            left -= step
            guard left >= .zero else { break }
            count += 1
        }
        return count
    }

    /// The delay after the `failures`-th failure in a row (1 is the first): anything up to its step (full jitter), never
    /// longer than a quarter of the time left, never shorter than `floor` or what the provider asked for.
    ///
    /// - Parameters:
    ///   - random: uniform in 0..<1.
    ///   - timeLeft: until the access token ends; nil when unknown or gone.
    package func delay(
        failures: Int, random: Double, floor: Duration = .seconds(5), retryAfter: Duration? = nil,
        timeLeft: Duration? = nil
    ) -> Duration {
        let step = steps.isEmpty ? .seconds(60) : steps[min(max(failures, 1), steps.count) - 1]
        var delay = step * random
        if let timeLeft, timeLeft > .zero { delay = min(delay, timeLeft / 4) }
        return max(delay, floor, min(retryAfter ?? .zero, .seconds(21600)))
    }
}
