/// The intact records of a segment's bytes, and what was passed over to find them.
struct SegmentScan {
    struct Found {
        let type: RecordType?
        /// Where the record starts and how long it is, padding included.
        let offset: Int
        let totalBytes: Int
        let body: Range<Int>
    }

    private(set) var records: [Found] = []
    /// Places where a record should start and none does.
    private(set) var badHeaders = 0
    /// Records whose body is not what was written; passed over by their length.
    private(set) var badBodies = 0
    /// Of these, how many have an intact record behind them: not the torn end of a process that was killed.
    private(set) var damagesInside = 0
    private(set) var hasSegmentHeader = false
    /// Written by a later version: nothing here is understood, and nothing may be removed.
    private(set) var isOfUnknownFormat = false

    init(_ bytes: [UInt8]) {
        readSegmentHeader(bytes)
        guard !isOfUnknownFormat else { return }
        unsafe bytes.withUnsafeBytes { unsafe scan($0) }
    }

    private mutating func readSegmentHeader(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes[...])
        guard let magic = try? reader.integer(UInt32.self), magic == RecordLayout.segmentMagic,
            let format = try? reader.integer(UInt16.self), (try? reader.raw(32)) != nil,
            let checksum = try? reader.integer(UInt32.self), CRC32C.checksum(Array(bytes.prefix(38))) == checksum
        else { return }
        hasSegmentHeader = true
        isOfUnknownFormat = format != RecordLayout.format
    }

    private mutating func scan(_ bytes: UnsafeRawBufferPointer) {
        var offset = RecordLayout.segmentHeaderBytes
        var damagesBehindLast = 0
        while offset + RecordLayout.headerBytes <= bytes.count {
            guard let length = unsafe Self.bodyLength(bytes, at: offset) else {
                let (next, isBlank) = unsafe Self.nextRecord(bytes, after: offset)
                if !isBlank {
                    badHeaders += 1
                    damagesBehindLast += 1
                }
                offset = next
                continue
            }
            let start = offset + RecordLayout.headerBytes
            let total = RecordLayout.totalBytes(bodyBytes: length)
            let end = start + length
            let isWhole = unsafe Self.isBodyIntact(bytes, start..<end)
            if isWhole {
                let type = unsafe RecordType(rawValue: bytes[offset + 16])
                records.append(Found(type: type, offset: offset, totalBytes: total, body: start..<end))
                damagesInside += damagesBehindLast
                damagesBehindLast = 0
            } else {
                badBodies += 1
                damagesBehindLast += 1
            }
            offset += total
        }
    }

    /// The body's length if an intact record header stands here.
    private static func bodyLength(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int? {
        guard offset + RecordLayout.headerBytes <= bytes.count,
            unsafe word(bytes, at: offset) == RecordLayout.recordMagic
        else { return nil }
        let checksum = unsafe CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + 18)]))
        guard unsafe word(bytes, at: offset + 18) == checksum else { return nil }
        return unsafe Int(word(bytes, at: offset + 4))
    }

    private static func isBodyIntact(_ bytes: UnsafeRawBufferPointer, _ body: Range<Int>) -> Bool {
        guard body.upperBound + 4 <= bytes.count else { return false }
        let checksum = unsafe CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[body]))
        return unsafe word(bytes, at: body.upperBound) == checksum
    }

    /// The next aligned place with an intact record header, or the end; and whether all up to there is zero.
    private static func nextRecord(
        _ bytes: UnsafeRawBufferPointer, after offset: Int
    ) -> (offset: Int, isBlank: Bool) {
        var next = offset
        var seen: UInt64 = 0
        while next + 8 <= bytes.count {
            let word = unsafe bytes.loadUnaligned(fromByteOffset: next, as: UInt64.self)
            if word != 0, next > offset, unsafe bodyLength(bytes, at: next) != nil { return (next, seen == 0) }
            seen |= word
            next += RecordLayout.alignment
        }
        return (bytes.count, seen == 0)
    }

    private static func word(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt32 {
        unsafe UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}
