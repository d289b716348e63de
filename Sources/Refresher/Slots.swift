import Synchronization

/// How many transfers are in flight, in all and for each provider.
///
/// Every provider keeps a small share of its own, so that others that hang cannot take the last slot. Refreshes on
/// demand may go as far again beyond the loop's limits, so that neither waits for the other.
final class Slots: Sendable {
    private struct State {
        var total = 0
        var used: [String: Int] = [:]
        /// Providers with due rows and too few free slots for a claim that pays.
        var waiting: Set<String> = []
    }

    static let reservedPerProvider = 8
    /// Claims of one statement are a multiple of this where they can be: few statement texts, each prepared once.
    static let step = 8

    private let limit: Int
    private let limitPerProvider: Int
    private let state = Mutex(State())

    init(limit: Int, limitPerProvider: Int) {
        self.limit = max(limit, 1)
        self.limitPerProvider = max(limitPerProvider, 1)
    }

    /// Takes slots for a claim of due rows: none unless half of what the provider may have is free, so that claims stay
    /// large; then ``give(_:for:)`` says when they are.
    func takeForClaim(by provider: String, atMost allowance: Int = .max) -> Int {
        state.withLock { state in
            let room = room(for: provider, in: state)
            guard room > 0, room >= state.used[provider] ?? 0 else {
                state.waiting.insert(provider)
                return 0
            }
            // An allowance counts what is under way: a trial is over before the next one begins.
            let wanted = min(room, max(0, allowance - (allowance == .max ? 0 : state.used[provider] ?? 0)))
            guard wanted > 0 else {
                state.waiting.insert(provider)
                return 0
            }
            let taken = wanted >= Self.step ? wanted / Self.step * Self.step : wanted
            state.total += taken
            state.used[provider, default: 0] += taken
            return taken
        }
    }

    /// Takes one slot for a refresh that somebody waits for.
    func takeOnDemand(by provider: String) -> Bool {
        state.withLock { state in
            let used = state.used[provider] ?? 0
            let shared = 2 * limit - state.total
            let own = min(Self.reservedPerProvider, limitPerProvider) - used
            guard used < 2 * limitPerProvider, max(shared, own) > 0 else { return false }
            state.total += 1
            state.used[provider] = used + 1
            return true
        }
    }

    /// Gives slots back; true when a provider that waits can now claim.
    func give(_ count: Int = 1, for provider: String) -> Bool {
        state.withLock { state in
            state.total -= count
            let used = (state.used[provider] ?? count) - count
            state.used[provider] = used == 0 ? nil : used
            let ready = state.waiting.filter { waiting in
                let room = room(for: waiting, in: state)
                return room > 0 && room >= state.used[waiting] ?? 0
            }
            state.waiting.subtract(ready)
            return !ready.isEmpty
        }
    }

    var inFlight: Int { state.withLock { $0.total } }

    func inFlight(of provider: String) -> Int { state.withLock { $0.used[provider] ?? 0 } }

    private func room(for provider: String, in state: State) -> Int {
        let used = state.used[provider] ?? 0
        let shared = limit - state.total
        let own = min(Self.reservedPerProvider, limitPerProvider) - used
        return max(0, min(limitPerProvider - used, max(shared, own)))
    }
}
