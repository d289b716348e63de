import Synchronization

/// How many transfers to one destination are under way at once; the others wait in the order they came.
///
/// Deliveries are claimed in larger numbers than a receiver should meet at once, because a claim costs more than a transfer.
final class Turnstile: Sendable {
    private typealias Waiter = CheckedContinuation<Bool, Never>

    private struct Gate {
        var inside = 0
        var waiting: [Waiter] = []

        mutating func admit(upTo limit: Int) -> Bool {
            guard inside < limit else { return false }
            inside += 1
            return true
        }

        /// - Returns: those who wait in vain, and who goes in at the place of who left.
        mutating func release(failed: Bool) -> (turnedBack: [Waiter], next: Waiter?) {
            let turnedBack = failed ? waiting : []
            if failed { waiting = [] }
            guard waiting.isEmpty else { return (turnedBack, waiting.removeFirst()) }
            inside -= 1
            return (turnedBack, nil)
        }
    }

    private let limit: Int
    private let gates = Mutex<[String: Gate]>([:])

    init(limit: Int) { self.limit = limit }

    /// - Returns: false when the destination failed meanwhile: what waits is to be given back.
    func enter(_ destination: String) async -> Bool {
        if gates.withLock({ $0[destination, default: Gate()].admit(upTo: limit) }) { return true }
        return await withCheckedContinuation { waiter in
            let isInside = gates.withLock { gates in
                // Somebody may have left meanwhile.
                let isInside = gates[destination, default: Gate()].admit(upTo: limit)
                if !isInside { gates[destination]?.waiting.append(waiter) }
                return isInside
            }
            if isInside { waiter.resume(returning: true) }
        }
    }

    func waiting(at destination: String) -> Int { gates.withLock { $0[destination]?.waiting.count ?? 0 } }

    /// - Parameter failed: nobody who waits goes in.
    func leave(_ destination: String, failed: Bool) {
        let (turnedBack, next) = gates.withLock { gates -> (turnedBack: [Waiter], next: Waiter?) in
            // In its place: the many who wait are not copied.
            let released = gates[destination]?.release(failed: failed)
            if gates[destination]?.inside == 0 { gates[destination] = nil }
            return released ?? ([], nil)
        }
        for waiter in turnedBack { waiter.resume(returning: false) }
        next?.resume(returning: true)
    }
}
