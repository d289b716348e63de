package import FoundationEssentials

/// A parameter of a statement; sent in binary form with its exact type.
///
/// Text meets `varchar`, `jsonb` and the like by PostgreSQL's own casts; an enum needs one in the SQL (`$1::mood`).
package enum PostgresValue: Sendable {
    case null
    case text(String)
    case bool(Bool)
    case int2(Int16)
    case int4(Int32)
    case int8(Int64)
    case float8(Double)
    case bytea([UInt8])
    /// Rounded to a microsecond; `distantFuture` and `distantPast` are `infinity` and `-infinity`.
    case timestamptz(Date)
    /// A JSON text, sent as `jsonb`.
    case json(String)
    case uuid(UUID)
    /// Whole microseconds, no days or months.
    case interval(Duration)
    case textArray([String?])
    case boolArray([Bool?])
    case int2Array([Int16?])
    case int4Array([Int32?])
    case int8Array([Int64?])
    case byteaArray([[UInt8]?])
    case timestamptzArray([Date?])
    case uuidArray([UUID?])
}
