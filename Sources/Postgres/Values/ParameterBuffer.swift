import CLibpq
import FoundationEssentials

/// The parameters of one statement in PostgreSQL's binary form: one buffer, with each value's place in it.
struct ParameterBuffer {
    private(set) var types: [Oid] = []
    private var bytes: [UInt8] = []
    /// Start and length of each value; a length of -1 is NULL.
    private var places: [(start: Int, length: Int32)] = []

    /// Parameters PostgreSQL takes in one statement.
    private static let countMax = 65535
    /// Together; the server's own limit of a message is 1 GB.
    private static let bytesMax = 1 << 29

    /// - Throws: ``PostgresError/encoding(_:)``.
    init(_ values: [PostgresValue]) throws(PostgresError) {
        guard values.count <= Self.countMax else { throw .encoding("there are more than \(Self.countMax).") }
        types.reserveCapacity(values.count)
        places.reserveCapacity(values.count)
        for (index, value) in values.enumerated() {
            let start = bytes.count
            guard let isNull = append(value) else {
                throw .encoding("parameter \(index + 1) is a date outside PostgreSQL's range.")
            }
            guard bytes.count <= Self.bytesMax else { throw .encoding("parameters are larger than 512 MiB together.") }
            places.append((start, isNull ? -1 : Int32(bytes.count - start)))
        }
        // So that even an empty value has an address: libpq takes a null pointer for NULL.
        bytes.append(0)
    }

    var count: Int { places.count }

    /// Calls `body` with the arrays that `PQsendQueryParams` wants, valid during the call only.
    func withArrays<Value>(
        _ body: (UnsafePointer<UnsafePointer<CChar>?>, _ lengths: [Int32], _ formats: [Int32]) -> Value
    ) -> Value {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            let pointers = unsafe places.map { place -> UnsafePointer<CChar>? in
                guard place.length >= 0, let base = buffer.baseAddress else { return nil }
                return unsafe UnsafeRawPointer(base + place.start).assumingMemoryBound(to: CChar.self)
            }
            return unsafe pointers.withUnsafeBufferPointer { pointers in
                // `[]` has no address, and an empty list is never read.
                var none: UnsafePointer<CChar>?
                return unsafe withUnsafePointer(to: &none) { none in
                    unsafe body(
                        pointers.baseAddress ?? none, places.map(\.length), [Int32](repeating: 1, count: count))
                }
            }
        }
    }

    /// Appends one value; true for NULL, nil when the value has no binary form.
    private mutating func append(_ value: PostgresValue) -> Bool? {
        switch value {
        case .null:
            types.append(0)
            return true
        case .text(let value): appendText(value, TypeOID.text)
        case .bool(let value):
            types.append(TypeOID.bool)
            bytes.append(value ? 1 : 0)
        case .int2(let value): appendInteger(value, TypeOID.int2)
        case .int4(let value): appendInteger(value, TypeOID.int4)
        case .int8(let value): appendInteger(value, TypeOID.int8)
        case .float8(let value): appendInteger(value.bitPattern, TypeOID.float8)
        case .bytea(let value):
            types.append(TypeOID.bytea)
            bytes += value
        case .timestamptz(let date):
            guard let value = TimestampTZ.microseconds(date) else { return nil }
            appendInteger(value, TypeOID.timestamptz)
        case .json(let value):
            // The version of jsonb's binary form.
            bytes.append(1)
            appendText(value, TypeOID.jsonb)
        case .uuid(let value):
            types.append(TypeOID.uuid)
            bytes.append(value)
        case .interval(let value):
            let (seconds, attoseconds) = value.components
            appendInteger(seconds &* 1_000_000 &+ attoseconds / 1_000_000_000_000, TypeOID.interval)
            bytes.append(bigEndian: Int64(0))
        default: return appendArray(value)
        }
        return false
    }

    private mutating func appendText(_ value: String, _ type: Oid) {
        types.append(type)
        bytes += value.utf8
    }

    private mutating func appendInteger(_ value: some FixedWidthInteger, _ type: Oid) {
        types.append(type)
        bytes.append(bigEndian: value)
    }

    private mutating func appendArray(_ value: PostgresValue) -> Bool? {
        switch value {
        case .textArray(let values):
            appendArray(values, TypeOID.textArray, of: TypeOID.text) { $0 += $1.utf8 }
        case .boolArray(let values):
            appendArray(values, TypeOID.boolArray, of: TypeOID.bool) { $0.append($1 ? 1 : 0) }
        case .int2Array(let values):
            appendArray(values, TypeOID.int2Array, of: TypeOID.int2) { $0.append(bigEndian: $1) }
        case .int4Array(let values):
            appendArray(values, TypeOID.int4Array, of: TypeOID.int4) { $0.append(bigEndian: $1) }
        case .int8Array(let values):
            appendArray(values, TypeOID.int8Array, of: TypeOID.int8) { $0.append(bigEndian: $1) }
        case .byteaArray(let values):
            appendArray(values, TypeOID.byteaArray, of: TypeOID.bytea) { $0 += $1 }
        case .timestamptzArray(let dates):
            let values = dates.map { $0.map { TimestampTZ.microseconds($0) } }
            guard !values.contains(.some(nil)) else { return nil }
            appendArray(values.map { $0 ?? nil }, TypeOID.timestamptzArray, of: TypeOID.timestamptz) {
                $0.append(bigEndian: $1)
            }
        case .uuidArray(let values):
            appendArray(values, TypeOID.uuidArray, of: TypeOID.uuid) { $0.append($1) }
        default: return nil
        }
        return false
    }

    /// `array_send`'s form: dimensions, has-nulls, element type, then per dimension length and lower bound, then values.
    private mutating func appendArray<Element>(
        _ values: [Element?], _ type: Oid, of elementType: Oid, _ appendElement: (inout [UInt8], Element) -> Void
    ) {
        types.append(type)
        bytes.append(bigEndian: Int32(values.isEmpty ? 0 : 1))
        bytes.append(bigEndian: Int32(values.contains { $0 == nil } ? 1 : 0))
        bytes.append(bigEndian: elementType)
        guard !values.isEmpty else { return }
        bytes.append(bigEndian: Int32(clamping: values.count))
        bytes.append(bigEndian: Int32(1))
        for value in values {
            guard let value else {
                bytes.append(bigEndian: Int32(-1))
                continue
            }
            let lengthPlace = bytes.count
            bytes.append(bigEndian: Int32(0))
            appendElement(&bytes, value)
            bytes.write(bigEndian: Int32(clamping: bytes.count - lengthPlace - 4), at: lengthPlace)
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(bigEndian value: some FixedWidthInteger) {
        unsafe Swift.withUnsafeBytes(of: value.bigEndian) { unsafe append(contentsOf: $0) }
    }

    fileprivate mutating func append(_ value: UUID) {
        unsafe Swift.withUnsafeBytes(of: value.uuid) { unsafe append(contentsOf: $0) }
    }

    fileprivate mutating func write(bigEndian value: Int32, at index: Int) {
        for offset in 0..<4 { self[index + offset] = UInt8(truncatingIfNeeded: value >> Int32(24 - 8 * offset)) }
    }
}
