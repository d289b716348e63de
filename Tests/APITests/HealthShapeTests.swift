import API
import Domain
import FoundationEssentials
import Synchronization
import Testing

/// A clock that stands until it is moved.
final class StillClock: LocalClock {
    private let offset = Mutex(Duration.zero)
    private let start = ContinuousClock.now

    var now: ContinuousClock.Instant { start + offset.withLock { $0 } }

    func sleep(for duration: Duration) async throws { try Task.checkCancellation() }

    func move(by duration: Duration) { offset.withLock { $0 += duration } }
}

@Suite("Probes and status")
struct HealthShapeTests {
    private let clock = StillClock()

    private func board(_ heartbeats: Heartbeats, degraded: String? = nil) -> HealthBoard {
        HealthBoard(heartbeats: heartbeats, heartbeatMaxAge: .seconds(60), clock: clock, version: "9.9") {
            .init(isRunning: true, lastRunAt: nil, inFlight: 3, degraded: degraded)
        }
    }

    @Test func `liveness follows the youngest beat of every loop`() {
        let heartbeats = Heartbeats(clock: clock)
        let health = board(heartbeats)
        heartbeats.beat("refresh")
        heartbeats.beat("relay")
        #expect(health.liveness(verbose: false).status == 200)
        clock.move(by: .seconds(59))
        heartbeats.beat("refresh")
        clock.move(by: .seconds(2))
        #expect(health.liveness(verbose: false).status == 503)
        let text = String(decoding: health.liveness(verbose: true).body, as: UTF8.self)
        #expect(text.contains("[-]relay") && text.contains("[+]refresh"))
        heartbeats.end("relay")
        #expect(health.liveness(verbose: false).status == 200)
    }

    @Test func `readiness needs a young answer of the database and no drain`() {
        let health = board(Heartbeats(clock: clock))
        #expect(health.readiness().status == 503)
        health.update(.init())
        #expect(health.readiness().status == 200)
        clock.move(by: .seconds(6))
        #expect(health.readiness().status == 503)
        health.update(.init())
        health.drain()
        #expect(health.readiness().status == 503)
    }

    @Test func `a failing journal is said and does not end readiness`() {
        let health = board(Heartbeats(clock: clock), degraded: "the disk is full")
        health.update(.init())
        let response = health.readiness()
        #expect(response.status == 200)
        #expect(String(decoding: response.body, as: UTF8.self).contains("degraded: the disk is full"))
    }

    @Test func `status without a token names no provider, and with one rounds down`() {
        let health = board(Heartbeats(clock: clock))
        let now = Date(timeIntervalSince1970: 1_800_000_000)
        health.update(
            .init(
                totals: ChannelTotals(
                    providers: [
                        "amocrm": .init(counts: [.active: 2, .warning: 1], expiresAt: now + 49.9 * 3600),
                        "youtube": .init(counts: [.paused: 4, .disconnected: 1]),
                    ], overdue: 0, nextDueAt: now, databaseTime: now), incidentsOpen: 1, deliveriesPending: 2,
                deliveriesDead: 0))
        let open = health.status(for: nil, now: now)
        #expect(open["providers"] == nil)
        #expect(open["healthy"] == false)
        #expect(
            open["channels"]
                == ["total": 8, "active": 2, "warning": 1, "paused": 4, "disconnected": 1, "overdue": 0])
        let tenant = health.status(for: Caller(name: "t", role: .tenant("a")), now: now)
        #expect(tenant["providers"] == nil)
        let full = health.status(for: Caller(name: "p", role: .probe), now: now)
        #expect(full["providers"]?["amocrm"]?["daysUntilExpire"] == 2)
        #expect(full["providers"]?["amocrm"]?["hoursUntilExpire"] == 49)
        #expect(full["providers"]?["youtube"]?["isValid"] == false)
        #expect(full["providers"]?["youtube"]?["channels"] == 4)
        #expect(full["scheduler"]?["inFlight"] == 3)
    }

    @Test func `metrics are escaped, typed and cumulative`() {
        let metrics = Metrics()
        metrics.declare("tokenward_x_total", .counter, help: "Line\nbreak \\ back.", initial: [[("a", "b")]])
        metrics.increment("tokenward_x_total", [("a", "quote\" and \\ and \nline")])
        metrics.observe("tokenward_y_seconds", seconds: 0.3)
        let text = MetricsText.render(metrics.snapshot())
        #expect(text.contains("# HELP tokenward_x_total Line\\nbreak \\\\ back.\n# TYPE tokenward_x_total counter\n"))
        #expect(text.contains("tokenward_x_total{a=\"b\"} 0\n"))
        #expect(text.contains("tokenward_x_total{a=\"quote\\\" and \\\\ and \\nline\"} 1\n"))
        #expect(text.contains("tokenward_y_seconds_bucket{le=\"0.1\"} 0\n"))
        #expect(text.contains("tokenward_y_seconds_bucket{le=\"0.5\"} 1\n"))
        #expect(text.contains("tokenward_y_seconds_bucket{le=\"+Inf\"} 1\n"))
        #expect(text.hasSuffix("\n"))
    }
}
