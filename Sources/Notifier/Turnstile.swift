/// How many transfers to one destination are under way at once; the others wait in the order they came.
///
/// Deliveries are claimed in larger numbers than a receiver should meet at once, because a claim costs more than a transfer.
actor Turnstile {
    private struct Gate {
        var inside = 0
        var waiting: [CheckedContinuation<Bool, Never>] = []
    }

    private let limit: Int
    private var gates: [String: Gate] = [:]

    init(limit: Int) { self.limit = limit }

    /// - Returns: false when the destination failed meanwhile: what waits is to be given back.
    func enter(_ destination: String) async -> Bool {
        if gates[destination, default: Gate()].inside < limit {
            gates[destination, default: Gate()].inside += 1
            return true
        }
        return await withCheckedContinuation { gates[destination]?.waiting.append($0) }
    }

    func waiting(at destination: String) -> Int { gates[destination]?.waiting.count ?? 0 }

    /// - Parameter failed: nobody who waits goes in.
    func leave(_ destination: String, failed: Bool) {
        guard var gate = gates[destination] else { return }
        if failed {
            for waiter in gate.waiting { waiter.resume(returning: false) }
            gate.waiting = []
        }
        if gate.waiting.isEmpty {
            gate.inside -= 1
        } else {
            gate.waiting.removeFirst().resume(returning: true)
        }
        gates[destination] = gate.inside == 0 ? nil : gate
    }
}
