package import Domain
import Synchronization

/// How many requests a second each bearer token may make on this replica; a second's worth may come at once.
///
/// Superadmins are not slowed down: the command line's and the platform's own work is theirs.
package final class RequestRate: Sendable {
    private struct Bucket {
        var left: Double
        var filledAt: ContinuousClock.Instant
    }

    /// Buckets kept; the fullest go first.
    static let bucketsMax = 10_000

    private let perSecond: Int
    private let clock: any LocalClock
    private let buckets = Mutex<[String: Bucket]>([:])

    /// - Parameter perSecond: 0 lets everything pass.
    package init(perSecond: Int, clock: any LocalClock = SystemClock()) {
        self.perSecond = perSecond
        self.clock = clock
    }

    /// - Throws: ``Problem`` 429 with Retry-After.
    func take(_ caller: Caller) throws(Problem) {
        guard perSecond > 0, caller.role != .superadmin else { return }
        let now = clock.now
        let isAllowed = buckets.withLock { buckets in
            if buckets.count >= Self.bucketsMax, buckets[caller.name] == nil { buckets.removeAll() }
            var bucket = buckets[caller.name] ?? Bucket(left: Double(perSecond), filledAt: now)
            let fill = bucket.filledAt.duration(to: now).seconds * Double(perSecond)
            bucket.left = min(Double(perSecond), bucket.left + fill)
            bucket.filledAt = now
            defer { buckets[caller.name] = bucket }
            guard bucket.left >= 1 else { return false }
            bucket.left -= 1
            return true
        }
        guard !isAllowed else { return }
        throw Problem(
            429, "too-many-requests", title: "This token asks too often",
            detail: "A token may make \(perSecond) requests a second.",
            hint: "Keep tokens until `expiresAt`, or raise TOKENWARD_REQUEST_RATE.", retryAfterSeconds: 1)
    }
}
