/// Builds little-endian binary data.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int = 0) {
        bytes.reserveCapacity(capacity)
    }

    mutating func append(_ integer: some FixedWidthInteger) {
        for shift in stride(from: 0, to: integer.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: integer >> shift))
        }
    }

    mutating func append(raw: [UInt8]) {
        bytes += raw
    }

    /// A 32-bit count and the bytes.
    mutating func append(counted: [UInt8]) {
        append(UInt32(counted.count))
        bytes += counted
    }

    mutating func append(_ text: String) {
        append(UInt32(text.utf8.count))
        bytes += text.utf8
    }

    mutating func append(_ text: String?) {
        append(UInt8(text == nil ? 0 : 1))
        if let text { append(text) }
    }

    mutating func append(_ flag: Bool) {
        append(UInt8(flag ? 1 : 0))
    }

    mutating func pad(to multiple: Int) {
        while bytes.count % multiple != 0 { bytes.append(0) }
    }
}

/// The data ended too early or is not what was written.
struct MalformedData: Error {}

/// Reads what ``ByteWriter`` wrote; every read is bounded by the data.
struct ByteReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) throws(MalformedData) -> Value {
        let bytes = try raw(Value.bitWidth / 8)
        return bytes.reversed().reduce(Value.zero) { ($0 << 8) | Value(truncatingIfNeeded: $1) }
    }

    mutating func raw(_ count: Int) throws(MalformedData) -> ArraySlice<UInt8> {
        guard count >= 0, count <= rest.count else { throw MalformedData() }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func counted() throws(MalformedData) -> [UInt8] {
        Array(try raw(Int(try integer(UInt32.self))))
    }

    /// How many elements follow; each takes at least one byte, which bounds the number.
    mutating func count() throws(MalformedData) -> Int {
        let count = Int(try integer(UInt32.self))
        guard count <= rest.count else { throw MalformedData() }
        return count
    }

    mutating func text() throws(MalformedData) -> String {
        String(decoding: try counted(), as: UTF8.self)
    }

    mutating func optionalText() throws(MalformedData) -> String? {
        try flag() ? try text() : nil
    }

    mutating func flag() throws(MalformedData) -> Bool {
        try integer(UInt8.self) != 0
    }
}
