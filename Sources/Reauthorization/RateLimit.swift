import Domain
import Synchronization

/// Token buckets by key, in this process: so many at once, refilled evenly over the period.
final class RateLimit: Sendable {
    private struct Bucket {
        var left: Double
        var at: ContinuousClock.Instant
    }

    /// When more keys than this are known, full buckets are forgotten, and then all.
    static let keysMax = 10_000

    private let burst: Double
    private let period: Duration
    private let clock: any LocalClock
    private let buckets = Mutex<[String: Bucket]>([:])

    init(_ burst: Int, per period: Duration, clock: any LocalClock) {
        self.burst = Double(burst)
        self.period = period
        self.clock = clock
    }

    /// Takes one; false when there is none left.
    func take(_ key: String) -> Bool {
        let now = clock.now
        return buckets.withLock { buckets in
            if buckets.count > Self.keysMax {
                buckets = buckets.filter { refilled($0.value, now) < burst }
                if buckets.count > Self.keysMax { buckets = [:] }
            }
            let left = buckets[key].map { refilled($0, now) } ?? burst
            guard left >= 1 else { return false }
            buckets[key] = Bucket(left: left - 1, at: now)
            return true
        }
    }

    private func refilled(_ bucket: Bucket, _ now: ContinuousClock.Instant) -> Double {
        min(burst, bucket.left + burst * (bucket.at.duration(to: now) / period))
    }
}
