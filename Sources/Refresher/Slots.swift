import Synchronization

/// How many transfers are in flight, in all and for each provider.
///
/// Every provider keeps a small share of its own, so that others that hang cannot take the last slot.
final class Slots: Sendable {
    private struct State {
        var total = 0
        var used: [String: Int] = [:]
    }

    static let reservedPerProvider = 8

    private let limit: Int
    private let limitPerProvider: Int
    private let state = Mutex(State())

    init(limit: Int, limitPerProvider: Int) {
        self.limit = limit
        self.limitPerProvider = limitPerProvider
    }

    /// How many claims of this provider may be made now.
    func room(for provider: String) -> Int {
        state.withLock { state in
            let used = state.used[provider] ?? 0
            let shared = limit - state.total
            let own = min(Self.reservedPerProvider, limitPerProvider) - used
            return max(0, min(limitPerProvider - used, max(shared, own)))
        }
    }

    func take(_ count: Int, for provider: String) {
        state.withLock { state in
            state.total += count
            state.used[provider, default: 0] += count
        }
    }

    /// Gives one back; true when the provider has half of its slots free again, which is when claiming pays.
    func give(for provider: String) -> Bool {
        state.withLock { state in
            state.total -= 1
            let used = (state.used[provider] ?? 1) - 1
            state.used[provider] = used == 0 ? nil : used
            return used == limitPerProvider / 2 || used == 0
        }
    }

    var inFlight: Int { state.withLock { $0.total } }
}
