import Domain
import Synchronization

/// Runs tasks one job at a time on the test's own thread and in virtual time: nothing happens but what a test lets happen.
final class Simulation: TaskExecutor, LocalClock {
    private struct Sleeper {
        var deadline: ContinuousClock.Instant
        var continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var jobs: [UnownedJob] = []
        var now: ContinuousClock.Instant
        var sleepers: [UInt64: Sleeper] = [:]
        var nextID: UInt64 = 0
    }

    /// More jobs than this without time passing is a loop that spins.
    static let jobsMax = 3_000_000

    private let state = Mutex(State(now: .now))

    /// Runs a test's body; its tasks run inside of it, whenever it lets them.
    static func run(_ body: @Sendable (Simulation) throws -> Void) async throws {
        try body(Simulation())
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { $0.jobs.append(job) }
    }

    /// Starts a task that lives in this simulation.
    @discardableResult
    func start(_ body: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        Task(executorPreference: self) { await body() }
    }

    /// Runs everything that can run now.
    func settle() {
        var count = 0
        while true {
            let jobs = state.withLock { state in
                defer { state.jobs = [] }
                return state.jobs
            }
            if jobs.isEmpty { return }
            for job in jobs { unsafe job.runSynchronously(on: asUnownedTaskExecutor()) }
            count += jobs.count
            precondition(count < Self.jobsMax, "A simulated loop spins.")
        }
    }

    /// Lets time pass, waking each sleeper at its own moment.
    func advance(by duration: Duration) {
        settle()
        let end = now + duration
        while let next = state.withLock({ $0.sleepers.values.map(\.deadline).min() }), next <= end {
            wakeSleepers(at: next)
            settle()
        }
        state.withLock { $0.now = end }
        settle()
    }

    /// Lets time pass in small steps until `condition` holds; false when it does not within `limit`.
    @discardableResult
    func advance(atMost limit: Duration, step: Duration = .seconds(1), until condition: () -> Bool) -> Bool {
        settle()
        let end = now + limit
        while !condition() {
            guard now < end else { return false }
            advance(by: step)
        }
        return true
    }

    private func wakeSleepers(at moment: ContinuousClock.Instant) {
        let due = state.withLock { state in
            state.now = max(state.now, moment)
            let due = state.sleepers.filter { $0.value.deadline <= moment }.sorted { $0.key < $1.key }
            for (id, _) in due { state.sleepers[id] = nil }
            return due
        }
        for (_, sleeper) in due { sleeper.continuation.resume(returning: true) }
    }

    var now: ContinuousClock.Instant { state.withLock { $0.now } }

    func sleep(for duration: Duration) async throws {
        let id = newID()
        let isOver = await withTaskCancellationHandler {
            await rest(for: duration, id: id)
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: id) }?.continuation.resume(returning: false)
        }
        if !isOver { throw CancellationError() }
    }

    /// As ``sleep(for:)``, whatever becomes of the task.
    func pause(for duration: Duration) async {
        let id = newID()
        _ = await withCheckedContinuation { continuation in
            state.withLock { state in
                state.sleepers[id] = Sleeper(deadline: state.now + duration, continuation: continuation)
            }
        }
    }

    private func newID() -> UInt64 {
        state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
    }

    private func rest(for duration: Duration, id: UInt64) async -> Bool {
        await withCheckedContinuation { continuation in
            let known: Bool? = state.withLock { state in
                if Task.isCancelled { return false }
                if duration <= .zero { return true }
                state.sleepers[id] = Sleeper(deadline: state.now + duration, continuation: continuation)
                return nil
            }
            if let known { continuation.resume(returning: known) }
        }
    }
}

/// A small generator whose sequence a seed decides (SplitMix64).
struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// A generator that several tasks share.
final class SharedGenerator: Sendable {
    private let generator: Mutex<SeededGenerator>

    init(seed: UInt64) {
        generator = Mutex(SeededGenerator(seed: seed))
    }

    func unit() -> Double { generator.withLock { Double.random(in: 0..<1, using: &$0) } }

    func chance(_ probability: Double) -> Bool { unit() < probability }
}
