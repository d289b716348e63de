import CLibpq
package import FoundationEssentials

/// A column by name (the first of that name) or by index from 0.
package enum PostgresColumn: Sendable {
    case name(String)
    case index(Int)
}

extension PostgresColumn: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, CustomStringConvertible {
    package init(stringLiteral name: String) { self = .name(name) }
    package init(integerLiteral index: Int) { self = .index(index) }

    package var description: String {
        switch self {
        case .name(let name): name
        case .index(let index): String(index)
        }
    }
}

/// A row of a result.
///
/// Accessors throw ``PostgresError/decoding(_:)`` for a missing column, another type, or an unexpected NULL; integers
/// may be narrower than asked for.
package struct PostgresRow: Sendable {
    let storage: ResultStorage
    let row: Int

    /// `text`, `varchar`, `name`, enums, `json` and `jsonb`.
    package func text(_ column: PostgresColumn) throws(PostgresError) -> String {
        try required(column, textOrNil(column))
    }

    package func textOrNil(_ column: PostgresColumn) throws(PostgresError) -> String? {
        try unsafe decode(column, Wire.text)
    }

    package func bool(_ column: PostgresColumn) throws(PostgresError) -> Bool {
        try required(column, boolOrNil(column))
    }

    package func boolOrNil(_ column: PostgresColumn) throws(PostgresError) -> Bool? {
        try unsafe decode(column, Wire.bool)
    }

    package func int2(_ column: PostgresColumn) throws(PostgresError) -> Int16 {
        try required(column, int2OrNil(column))
    }

    package func int2OrNil(_ column: PostgresColumn) throws(PostgresError) -> Int16? {
        try unsafe decode(column, Wire.integer)
    }

    package func int4(_ column: PostgresColumn) throws(PostgresError) -> Int32 {
        try required(column, int4OrNil(column))
    }

    package func int4OrNil(_ column: PostgresColumn) throws(PostgresError) -> Int32? {
        try unsafe decode(column, Wire.integer)
    }

    package func int8(_ column: PostgresColumn) throws(PostgresError) -> Int64 {
        try required(column, int8OrNil(column))
    }

    package func int8OrNil(_ column: PostgresColumn) throws(PostgresError) -> Int64? {
        try unsafe decode(column, Wire.integer)
    }

    /// `float8` or `float4`.
    package func float8(_ column: PostgresColumn) throws(PostgresError) -> Double {
        try required(column, float8OrNil(column))
    }

    package func float8OrNil(_ column: PostgresColumn) throws(PostgresError) -> Double? {
        try unsafe decode(column, Wire.double)
    }

    package func bytea(_ column: PostgresColumn) throws(PostgresError) -> [UInt8] {
        try required(column, byteaOrNil(column))
    }

    package func byteaOrNil(_ column: PostgresColumn) throws(PostgresError) -> [UInt8]? {
        try unsafe decode(column, Wire.bytea)
    }

    /// `timestamptz`; `infinity` is `distantFuture`, `-infinity` `distantPast`.
    package func date(_ column: PostgresColumn) throws(PostgresError) -> Date {
        try required(column, dateOrNil(column))
    }

    package func dateOrNil(_ column: PostgresColumn) throws(PostgresError) -> Date? {
        try unsafe decode(column, Wire.date)
    }

    package func uuid(_ column: PostgresColumn) throws(PostgresError) -> UUID {
        try required(column, uuidOrNil(column))
    }

    package func uuidOrNil(_ column: PostgresColumn) throws(PostgresError) -> UUID? {
        try unsafe decode(column, Wire.uuid)
    }

    /// An `interval` without months; a day counts 24 hours.
    package func interval(_ column: PostgresColumn) throws(PostgresError) -> Duration {
        try required(column, intervalOrNil(column))
    }

    package func intervalOrNil(_ column: PostgresColumn) throws(PostgresError) -> Duration? {
        try unsafe decode(column, Wire.interval)
    }

    /// JSON text of a `json` or `jsonb` column.
    package func json(_ column: PostgresColumn) throws(PostgresError) -> String { try text(column) }

    package func jsonOrNil(_ column: PostgresColumn) throws(PostgresError) -> String? { try textOrNil(column) }

    package func textArray(_ column: PostgresColumn) throws(PostgresError) -> [String?] {
        try required(column, textArrayOrNil(column))
    }

    package func textArrayOrNil(_ column: PostgresColumn) throws(PostgresError) -> [String?]? {
        try unsafe decode(column) { unsafe Wire.array($0, $1, Wire.text) }
    }

    package func boolArray(_ column: PostgresColumn) throws(PostgresError) -> [Bool?] {
        try required(column, unsafe decode(column) { unsafe Wire.array($0, $1, Wire.bool) })
    }

    package func int2Array(_ column: PostgresColumn) throws(PostgresError) -> [Int16?] {
        try required(column, unsafe decode(column) { unsafe Wire.array($0, $1, Wire.integer) })
    }

    package func int4Array(_ column: PostgresColumn) throws(PostgresError) -> [Int32?] {
        try required(column, unsafe decode(column) { unsafe Wire.array($0, $1, Wire.integer) })
    }

    package func int8Array(_ column: PostgresColumn) throws(PostgresError) -> [Int64?] {
        try required(column, unsafe decode(column) { unsafe Wire.array($0, $1, Wire.integer) })
    }

    package func byteaArray(_ column: PostgresColumn) throws(PostgresError) -> [[UInt8]?] {
        try required(column, unsafe decode(column) { unsafe Wire.array($0, $1, Wire.bytea) })
    }

    package func dateArray(_ column: PostgresColumn) throws(PostgresError) -> [Date?] {
        try required(column, unsafe decode(column) { unsafe Wire.array($0, $1, Wire.date) })
    }

    package func isNull(_ column: PostgresColumn) throws(PostgresError) -> Bool {
        unsafe storage.bytes(row: row, column: try index(column)) == nil
    }

    private func index(_ column: PostgresColumn) throws(PostgresError) -> Int {
        guard let index = storage.index(of: column) else { throw .decoding("there is no column \(column).") }
        return index
    }

    private func decode<Value>(
        _ column: PostgresColumn, _ read: (UnsafeRawBufferPointer, Oid) -> Value?
    ) throws(PostgresError) -> Value? {
        let index = try index(column)
        guard let bytes = unsafe storage.bytes(row: row, column: index) else { return nil }
        let type = storage.type(index)
        let value = withExtendedLifetime(storage) { unsafe read(bytes, type) }
        guard let value else {
            throw .decoding("column \(storage.columnName(index)) of type number \(type) is no \(Value.self).")
        }
        return value
    }

    private func required<Value>(_ column: PostgresColumn, _ value: Value?) throws(PostgresError) -> Value {
        guard let value else { throw .decoding("column \(column) is NULL.") }
        return value
    }
}
