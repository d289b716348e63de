import CLibpq

/// Which statements are prepared on a session: at most `capacity`, the least recently used go first.
struct StatementCache {
    struct Statement: Equatable {
        let name: String
        /// Types of its parameters, all resolved.
        let types: [Oid]
    }

    private struct Entry {
        let statement: Statement
        var lastUse: UInt64
    }

    private let capacity: Int
    /// One text may be prepared for several types of its parameters.
    private var entries: [String: [Entry]] = [:]
    private(set) var count = 0
    private var uses: UInt64 = 0
    private var names: UInt64 = 0

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// The statement for this text that takes parameters of these types; 0, an untyped NULL, fits any.
    mutating func find(_ sql: String, types: [Oid]) -> Statement? {
        uses += 1
        guard let index = entries[sql]?.firstIndex(where: { fits($0.statement.types, types) }) else { return nil }
        entries[sql]?[index].lastUse = uses
        return entries[sql]?[index].statement
    }

    /// A name that no statement of the session had before.
    mutating func newName() -> String {
        names += 1
        return "s\(names)"
    }

    mutating func insert(_ statement: Statement, for sql: String) {
        uses += 1
        entries[sql, default: []].append(Entry(statement: statement, lastUse: uses))
        count += 1
    }

    /// Takes out the statement to deallocate before another one is prepared; nil while there is room.
    mutating func evict() -> Statement? {
        guard count >= capacity else { return nil }
        let oldest = entries.min { ($0.value.map(\.lastUse).min() ?? 0) < ($1.value.map(\.lastUse).min() ?? 0) }
        guard let oldest, let entry = oldest.value.min(by: { $0.lastUse < $1.lastUse }) else { return nil }
        remove(entry.statement, of: oldest.key)
        return entry.statement
    }

    mutating func remove(_ statement: Statement, of sql: String) {
        guard let index = entries[sql]?.firstIndex(where: { $0.statement == statement }) else { return }
        entries[sql]?.remove(at: index)
        if entries[sql]?.isEmpty == true { entries[sql] = nil }
        count -= 1
    }

    private func fits(_ prepared: [Oid], _ given: [Oid]) -> Bool {
        prepared.count == given.count && zip(prepared, given).allSatisfy { $0 == $1 || $1 == 0 }
    }
}
