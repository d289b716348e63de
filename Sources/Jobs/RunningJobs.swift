import Synchronization

/// How many jobs this process works on.
final class RunningJobs: Sendable {
    private let max: Int
    private let count = Mutex(0)

    init(max: Int) {
        self.max = max
    }

    func enter() -> Bool {
        count.withLock { count in
            guard count < max else { return false }
            count += 1
            return true
        }
    }

    func leave() { count.withLock { $0 -= 1 } }
}

/// Whose jobs have ended since they were pruned.
final class FinishedTenants: Sendable {
    private let ends = Mutex<[String?: ContinuousClock.Instant]>([:])

    func note(_ tenant: String?, at time: ContinuousClock.Instant) { ends.withLock { $0[tenant] = time } }

    /// Those whose newest end is older.
    func take(before time: ContinuousClock.Instant) -> [String?] {
        ends.withLock { ends in
            let old = ends.filter { $0.value < time }.map(\.key)
            for tenant in old { ends.removeValue(forKey: tenant) }
            return old
        }
    }
}
