package import FoundationEssentials
import Synchronization

/// When each loop last showed life; `/healthz` answers from it without touching anything else.
///
/// A loop beats also while it waits for the database, so that an outage is not taken for a stall.
package final class Heartbeats: Sendable {
    private struct Beat {
        var local: ContinuousClock.Instant
        var wall: Date
    }

    private let clock: any LocalClock
    private let beats = Mutex<[String: Beat]>([:])

    package init(clock: any LocalClock = SystemClock()) {
        self.clock = clock
    }

    package func beat(_ loop: String) {
        let beat = Beat(local: clock.now, wall: Date())
        beats.withLock { $0[loop] = beat }
    }

    /// Forgets a loop that ended on purpose.
    package func end(_ loop: String) {
        beats.withLock { _ = $0.removeValue(forKey: loop) }
    }

    /// Age of each loop's last beat.
    package func ages() -> [(loop: String, age: Duration)] {
        let now = clock.now
        return beats.withLock { $0.map { ($0.key, $0.value.local.duration(to: now)) } }.sorted { $0.0 < $1.0 }
    }

    /// Time of each loop's last beat, for metrics.
    package func times() -> [(loop: String, at: Date)] {
        beats.withLock { $0.map { ($0.key, $0.value.wall) } }.sorted { $0.0 < $1.0 }
    }
}
