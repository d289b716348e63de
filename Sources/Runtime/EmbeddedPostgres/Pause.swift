import Dispatch

/// Waits that go on in a cancelled task, for the steps of a shutdown that must be finished all the same.
enum Pause {
    /// Suspends for the time given; no thread waits.
    static func uncancellable(_ duration: Duration) async {
        let (seconds, attoseconds) = duration.components
        let nanoseconds = Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
        await withCheckedContinuation { continuation in
            DispatchQueue.global().asyncAfter(deadline: .now() + .nanoseconds(nanoseconds)) { continuation.resume() }
        }
    }
}
