import CLibpq
import FoundationEssentials

/// Readers of PostgreSQL's binary forms; each is nil for bytes or a type that are not its own.
@safe enum Wire {
    static func text(_ bytes: UnsafeRawBufferPointer, _ type: Oid) -> String? {
        if type == TypeOID.jsonb {
            // The first byte is the version of the form.
            guard unsafe bytes.first == 1 else { return nil }
            return unsafe String(decoding: bytes.dropFirst(), as: UTF8.self)
        }
        return TypeOID.isText(type) ? unsafe String(decoding: bytes, as: UTF8.self) : nil
    }

    static func bool(_ bytes: UnsafeRawBufferPointer, _ type: Oid) -> Bool? {
        guard type == TypeOID.bool, bytes.count == 1 else { return nil }
        return unsafe bytes[0] != 0
    }

    static func integer<Value: FixedWidthInteger>(_ bytes: UnsafeRawBufferPointer, _ type: Oid) -> Value? {
        switch (type, bytes.count) {
        case (TypeOID.int8, 8): unsafe Value(exactly: load(bytes, as: Int64.self))
        case (TypeOID.int4, 4): unsafe Value(exactly: load(bytes, as: Int32.self))
        case (TypeOID.int2, 2): unsafe Value(exactly: load(bytes, as: Int16.self))
        default: nil
        }
    }

    static func double(_ bytes: UnsafeRawBufferPointer, _ type: Oid) -> Double? {
        switch (type, bytes.count) {
        case (TypeOID.float8, 8): unsafe Double(bitPattern: load(bytes, as: UInt64.self))
        case (TypeOID.float4, 4): unsafe Double(Float(bitPattern: load(bytes, as: UInt32.self)))
        default: nil
        }
    }

    static func bytea(_ bytes: UnsafeRawBufferPointer, _ type: Oid) -> [UInt8]? {
        type == TypeOID.bytea ? unsafe [UInt8](bytes) : nil
    }

    static func date(_ bytes: UnsafeRawBufferPointer, _ type: Oid) -> Date? {
        guard type == TypeOID.timestamptz, bytes.count == 8 else { return nil }
        return unsafe TimestampTZ.date(microseconds: load(bytes, as: Int64.self))
    }

    static func uuid(_ bytes: UnsafeRawBufferPointer, _ type: Oid) -> UUID? {
        guard type == TypeOID.uuid, bytes.count == 16 else { return nil }
        return unsafe UUID(uuid: bytes.loadUnaligned(as: uuid_t.self))
    }

    /// Microseconds, days, months; months have no length.
    static func interval(_ bytes: UnsafeRawBufferPointer, _ type: Oid) -> Duration? {
        guard type == TypeOID.interval, bytes.count == 16, unsafe load(bytes, at: 12, as: Int32.self) == 0 else {
            return nil
        }
        return unsafe .microseconds(load(bytes, as: Int64.self))
            + .seconds(86400 * Int64(load(bytes, at: 8, as: Int32.self)))
    }

    /// A one-dimensional or empty array (`array_send`); the element type stands in the bytes.
    static func array<Element>(
        _ bytes: UnsafeRawBufferPointer, _ type: Oid, _ element: (UnsafeRawBufferPointer, Oid) -> Element?
    ) -> [Element?]? {
        guard isArray(type), bytes.count >= 12 else { return nil }
        let dimensions = unsafe load(bytes, as: Int32.self)
        if dimensions == 0 { return [] }
        guard dimensions == 1, bytes.count >= 20 else { return nil }
        let elementType = unsafe load(bytes, at: 8, as: Oid.self)
        let count = unsafe Int(load(bytes, at: 12, as: Int32.self))
        // Each element takes at least its length.
        guard count >= 0, count <= (bytes.count - 20) / 4 else { return nil }
        var values: [Element?] = []
        values.reserveCapacity(count)
        var offset = 20
        for _ in 0..<count {
            guard offset + 4 <= bytes.count else { return nil }
            let length = unsafe Int(load(bytes, at: offset, as: Int32.self))
            offset += 4
            if length < 0 {
                values.append(nil)
                continue
            }
            guard length <= bytes.count - offset else { return nil }
            let slice = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length])
            guard let value = unsafe element(slice, elementType) else { return nil }
            values.append(value)
            offset += length
        }
        return values
    }

    private static func isArray(_ type: Oid) -> Bool {
        switch type {
        case TypeOID.boolArray, TypeOID.byteaArray, TypeOID.nameArray, TypeOID.int2Array, TypeOID.int4Array,
            TypeOID.textArray, TypeOID.varcharArray, TypeOID.int8Array, TypeOID.timestamptzArray:
            true
        default: type >= TypeOID.firstOfUsers
        }
    }

    private static func load<Value: FixedWidthInteger>(
        _ bytes: UnsafeRawBufferPointer, at offset: Int = 0, as type: Value.Type
    ) -> Value {
        unsafe Value(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
    }
}
