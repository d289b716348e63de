/// Writes together what many tasks want written: one transaction at a time, with all that came meanwhile.
///
/// No task of its own: the first caller writes for those that wait, then hands the pen to the next of them.
actor GroupWriter<Item: Sendable, Key: Hashable & Sendable> {
    private enum Turn: Sendable {
        case done(Result<Bool, any Error>)
        case lead
    }

    /// Writes the items; the keys of those that were accepted.
    typealias Write = @Sendable ([Item]) async throws -> Set<Key>

    private static var patience: Int { 10 }

    private let batchMax: Int
    private let key: @Sendable (Item) -> Key
    private let write: Write
    private var isBusy = false
    private var waiting: [(item: Item, turn: CheckedContinuation<Turn, Never>)] = []

    init(batchMax: Int = 200, key: @escaping @Sendable (Item) -> Key, write: @escaping Write) {
        self.batchMax = batchMax
        self.key = key
        self.write = write
    }

    /// - Returns: whether the item was accepted.
    func write(_ item: Item) async throws -> Bool {
        if isBusy {
            let turn = await withCheckedContinuation { waiting.append((item, $0)) }
            if case .done(let result) = turn { return try result.get() }
        }
        isBusy = true
        // Transfers end in waves: what ended with this one comes along.
        for _ in 0..<Self.patience { await Task.yield() }
        let others = waiting.prefix(batchMax - 1)
        waiting.removeFirst(others.count)
        let result: Result<Set<Key>, any Error>
        do {
            result = .success(try await write([item] + others.map(\.item)))
        } catch {
            result = .failure(error)
        }
        for other in others {
            other.turn.resume(returning: .done(result.map { $0.contains(key(other.item)) }))
        }
        if waiting.isEmpty {
            isBusy = false
        } else {
            waiting.removeFirst().turn.resume(returning: .lead)
        }
        return try result.get().contains(key(item))
    }
}
