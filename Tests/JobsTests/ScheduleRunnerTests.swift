import Domain
import FoundationEssentials
import Logging
import Scheduling
import Synchronization
import TestSupport
import Testing

@testable import Jobs

@Suite("Schedule runner", .timeLimit(.minutes(2)))
struct ScheduleRunnerTests {
    private let start = Date(timeIntervalSince1970: 1_800_000_000)

    private func runner(
        _ store: MemorySchedules, clock: any LocalClock = SystemClock(), jobs: WakeSignal = WakeSignal()
    )
        -> ScheduleRunner
    {
        ScheduleRunner(
            store: store, wake: WakeSignal(), jobs: jobs, heartbeats: Heartbeats(), clock: clock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func schedule(_ id: String, _ time: ScheduleTime, nextAt: Date) -> Schedule {
        Schedule(
            id: id, work: .sweep, tenantID: nil, time: time, anchorAt: start, nextAt: nextAt, lastAt: nil,
            lastJobID: nil, runs: 0, skipped: 0, actor: "test", isSetting: false, createdAt: start, turn: 0)
    }

    @Test func `runs that were missed are one, and the next keeps the step`() async throws {
        let store = MemorySchedules(now: start + 3_601)
        store.put(schedule("interval", .every(.seconds(600)), nextAt: start + 600))
        store.put(schedule("cron", .cron("*/20 * * * *", timeZone: "UTC"), nextAt: start))
        let pause = try await runner(store).takeDue()
        #expect(store.taken.map(\.id) == ["cron", "interval"])
        #expect(store.next("interval") == start + 4_200)
        // 1 800 000 000 is 08:00 UTC.
        #expect(store.next("cron") == start + 4_800)
        #expect(pause == .seconds(5))
        store.pass(seconds: 598)
        #expect(try await runner(store).takeDue() == .seconds(1))
        #expect(store.taken.count == 2)
        store.pass(seconds: 1)
        _ = try await runner(store).takeDue()
        #expect(store.taken.map(\.id) == ["cron", "interval", "interval"])
    }

    @Test func `more schedules than a batch are all taken`() async throws {
        let store = MemorySchedules(now: start + 1)
        for n in 0..<250 { store.put(schedule("s\(n)", .every(.seconds(60)), nextAt: start)) }
        _ = try await runner(store).takeDue()
        #expect(Set(store.taken.map(\.id)).count == 250 && store.taken.count == 250)
    }

    @Test func `one that names a zone nobody knows runs once and rests`() async throws {
        let store = MemorySchedules(now: start + 1)
        store.put(schedule("odd", .cron("0 * * * *", timeZone: "Mars/Olympus"), nextAt: start))
        _ = try await runner(store).takeDue()
        #expect(store.taken.map(\.id) == ["odd"] && store.next("odd") == nil)
    }

    @Test func `the loop sleeps until the next run, wakes for new ones and outlives an outage`() async throws {
        let clock = ManualClock()
        let store = MemorySchedules(now: start)
        store.put(schedule("soon", .every(.seconds(60)), nextAt: start + 2))
        let jobs = WakeSignal()
        let runner = runner(store, clock: clock, jobs: jobs)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            await clock.waitForSleepers()
            #expect(store.taken.isEmpty)
            store.pass(seconds: 2)
            clock.advance(by: .seconds(2))
            await jobs.next()
            #expect(store.taken.map(\.id) == ["soon"])
            await clock.waitForSleepers()
            store.isBroken = true
            clock.advance(by: .seconds(5))
            try await eventually("the outage is met") { store.failures > 0 }
            store.isBroken = false
            store.pass(seconds: 60)
            await clock.waitForSleepers()
            clock.advance(by: .seconds(5))
            await jobs.next()
            #expect(store.taken.map(\.id) == ["soon", "soon"])
            group.cancelAll()
        }
    }

    @Test func `the settings' schedules have one id for one text`() throws {
        let madrid = try Recurrence.zone("Europe/Madrid")
        let all = ConfiguredSchedules.all(
            sweeps: [.every(.seconds(1800)), .cron(try Cron("0  3 * * *"), madrid)],
            cleanup: .cron(try Cron("0 2 * * *"), .gmt),
            now: start)
        #expect(all.map(\.id) == ["sweep:1800s", "sweep:0 3 * * * Europe/Madrid", "cleanup:0 2 * * * GMT"])
        #expect(all.map(\.work) == [.sweep, .sweep, .cleanup(dryRun: false)])
        #expect(all[0].nextAt == start + 1800 && all.allSatisfy { $0.nextAt.map { $0 > start } == true })
        #expect(all.allSatisfy { (try? Recurrence($0.time)) != nil })
    }
}

/// Schedules in memory under a clock of the test's own.
private final class MemorySchedules: ScheduleStore {
    private struct Broken: Error {}
    private struct State {
        var now: Date
        var schedules: [String: Schedule] = [:]
        var taken: [Schedule] = []
        var isBroken = false
        var failures = 0
    }

    private let state: Mutex<State>

    init(now: Date) {
        state = Mutex(State(now: now))
    }

    var taken: [Schedule] { state.withLock { $0.taken } }
    var failures: Int { state.withLock { $0.failures } }
    var isBroken: Bool {
        get { state.withLock { $0.isBroken } }
        set { state.withLock { $0.isBroken = newValue } }
    }
    func put(_ schedule: Schedule) { state.withLock { $0.schedules[schedule.id] = schedule } }
    func next(_ id: String) -> Date? { state.withLock { $0.schedules[id]?.nextAt } }
    func pass(seconds: Double) { state.withLock { $0.now += seconds } }

    func dueSchedules(limit: Int) async throws -> DueSchedules {
        try state.withLock { state in
            if state.isBroken {
                state.failures += 1
                throw Broken()
            }
            let known = state.schedules.values.compactMap { schedule in schedule.nextAt.map { (schedule, $0) } }
            let due = known.filter { $0.1 <= state.now }.sorted { $0.1 < $1.1 }.map(\.0)
            return DueSchedules(
                due: Array(due.prefix(limit)), next: known.map(\.1).filter { $0 > state.now }.min(),
                databaseTime: state.now)
        }
    }

    func takeSlot(of schedule: Schedule, next: Date?) async throws -> SlotEnd {
        state.withLock { state in
            guard state.schedules[schedule.id]?.turn == schedule.turn else { return .lost }
            state.schedules[schedule.id]?.turn += 1
            state.schedules[schedule.id]?.nextAt = next
            state.taken.append(schedule)
            return .started(jobID: "job")
        }
    }

    func insertSchedule(_ schedule: NewSchedule, actor: AuditActor) async throws -> Bool { false }
    func schedule(_ id: String, tenantID: String?) async throws -> Schedule? { nil }
    func schedules(tenantID: String?, after cursor: String?, limit: Int) async throws -> [Schedule] { [] }
    func removeSchedule(_ id: String, tenantID: String?, actor: AuditActor) async throws -> ScheduleRemoval { .unknown }
    func removeSchedules(ofTenant tenantID: String, actor: AuditActor) async throws -> Int { 0 }
    func putConfiguredSchedules(_ schedules: [NewSchedule]) async throws {}
}
