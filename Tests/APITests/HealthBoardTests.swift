import API
import Domain
import FoundationEssentials
import Synchronization
import Testing

@Suite("Health board")
struct HealthBoardTests {
    /// Moves only when told.
    private final class StillClock: LocalClock {
        private let time = Mutex(ContinuousClock.now)
        var now: ContinuousClock.Instant { time.withLock { $0 } }
        func advance(_ duration: Duration) { time.withLock { $0 += duration } }
        func sleep(for duration: Duration) async throws { throw CancellationError() }
    }

    private let clock = StillClock()
    private let heartbeats: Heartbeats

    init() { heartbeats = Heartbeats(clock: clock) }

    private func board(degraded: String? = nil) -> HealthBoard {
        HealthBoard(heartbeats: heartbeats, heartbeatMaxAge: .seconds(60), clock: clock, version: "9.9") {
            .init(isRunning: true, lastRunAt: nil, inFlight: 3, degraded: degraded)
        }
    }

    private func text(_ response: APIResponse) -> String { String(decoding: response.body, as: UTF8.self) }

    @Test func `it is alive while every loop beats`() {
        let board = board()
        heartbeats.beat("refresh")
        clock.advance(.seconds(30))
        heartbeats.beat("relay")
        clock.advance(.milliseconds(29_900))
        #expect(board.liveness(verbose: false).status == 200)
        #expect(
            text(board.liveness(verbose: true))
                == "[+]refresh last beat 59.9 s ago\n[+]relay last beat 29.9 s ago\nok\n")
        clock.advance(.milliseconds(200))
        #expect(board.liveness(verbose: false).status == 503 && text(board.liveness(verbose: false)) == "stalled")
        #expect(text(board.liveness(verbose: true)).hasPrefix("[-]refresh"))
        heartbeats.end("refresh")
        #expect(board.liveness(verbose: false).status == 200)
    }

    @Test func `it is ready while the database answered lately and nobody stops it`() {
        let board = board()
        #expect(board.readiness().status == 503)
        board.update(.init())
        #expect(board.readiness().status == 200 && text(board.readiness()) == "ok")
        clock.advance(.seconds(5))
        #expect(text(board.readiness()) == "database unavailable")
        board.update(.init())
        board.drain()
        #expect(board.readiness().status == 503 && text(board.readiness()) == "draining")
    }

    @Test func `a broken journal degrades without ending readiness`() {
        let board = board(degraded: "the journal cannot keep answers")
        board.update(.init())
        #expect(board.readiness().status == 200)
        #expect(text(board.readiness()) == "degraded: the journal cannot keep answers")
    }

    @Test func `status counts for everybody and names providers to those who may see them`() {
        let now = Date(timeIntervalSince1970: 1_795_240_800)
        let board = board()
        board.update(
            .init(
                totals: ChannelTotals(
                    providers: [
                        "youtube": .init(counts: [.active: 2, .disconnected: 1], expiresAt: now + 25.9 * 3600),
                        "amocrm": .init(counts: [.warning: 1], expiresAt: now - 1),
                        "kommo": .init(counts: [.active: 1]),
                    ], overdue: 1, nextDueAt: now + 60, databaseTime: now),
                incidentsOpen: 4, deliveriesPending: 5, deliveriesDead: 6))
        let open = board.status(for: nil, now: now)
        #expect(open["healthy"] == false && open["version"] == "9.9" && open["timestamp"] == "2026-11-21T06:00:00Z")
        #expect(
            open["channels"] == ["total": 5, "active": 3, "warning": 1, "paused": 0, "disconnected": 1, "overdue": 1])
        #expect(
            open["scheduler"]
                == ["running": true, "lastRunAt": nil, "nextDueAt": "2026-11-21T06:01:00Z", "inFlight": 3])
        #expect(open["incidents"] == ["open": 4] && open["deliveries"] == ["pending": 5, "dead": 6])
        #expect(open["providers"] == nil)
        #expect(board.status(for: Caller(name: "t", role: .tenant("acme")), now: now)["providers"] == nil)
        for role in [Caller.Role.superadmin, .probe] {
            let providers = board.status(for: Caller(name: "x", role: role), now: now)["providers"]
            #expect(
                providers?["youtube"] == [
                    "channels": 2, "warning": 0, "isValid": true, "expiresAt": JSON(now + 25.9 * 3600),
                    "daysUntilExpire": 1, "hoursUntilExpire": 25,
                ])
            #expect(providers?["amocrm"]?["isValid"] == false && providers?["amocrm"]?["hoursUntilExpire"] == -1)
            #expect(providers?["kommo"]?["isValid"] == true && providers?["kommo"]?["expiresAt"] == .null)
        }
    }

    @Test(arguments: [
        (HealthBoard.Findings(totals: Self.totals()), true), (HealthBoard.Findings(), false),
        (HealthBoard.Findings(totals: Self.totals(warning: 1)), false),
        (HealthBoard.Findings(totals: Self.totals(overdue: 1)), false),
        (HealthBoard.Findings(totals: Self.totals(), incidentsOpen: 1, deliveriesPending: 1), true),
        (HealthBoard.Findings(totals: Self.totals(), deliveriesDead: 1), false),
    ])
    func `healthy means no warning, nothing overdue, no dead delivery`(
        _ findings: HealthBoard.Findings, _ healthy: Bool
    ) {
        let board = board()
        board.update(findings)
        #expect(board.status(for: nil)["healthy"] == .bool(healthy))
    }

    private static func totals(warning: Int = 0, overdue: Int = 0) -> ChannelTotals {
        ChannelTotals(
            providers: ["youtube": .init(counts: [.active: 1, .warning: warning])], overdue: overdue, nextDueAt: nil,
            databaseTime: Date())
    }
}
