/// Bytes of fields joined without ambiguity: each string behind its 32-bit length, numbers in 8 bytes, big-endian.
struct LengthPrefixed {
    private(set) var bytes: [UInt8] = []

    init(_ fields: String...) {
        self.init(fields)
    }

    init(_ fields: [String]) {
        bytes.reserveCapacity(fields.reduce(0) { $0 + 4 + $1.utf8.count })
        for field in fields { append(Array(field.utf8)) }
    }

    mutating func append(_ field: [UInt8]) {
        append(integer: UInt32(field.count))
        bytes += field
    }

    mutating func append(integer: some FixedWidthInteger) {
        for shift in stride(from: integer.bitWidth - 8, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: integer >> shift))
        }
    }
}
