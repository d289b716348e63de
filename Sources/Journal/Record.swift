import Domain

/// What a journal record is; the raw value is on the disk.
enum RecordType: UInt8, Sendable {
    case claim = 1
    case answer = 2
    /// An answer to an authorization code; its body is an answer's.
    case exchange = 3
    case done = 4
}

/// The layout of segments and records (PROTOCOL §5); all integers little-endian, records aligned to 8 bytes.
///
/// - Segment: magic u32 · format u16 · journal id 16 B · number u64 · created f64 · crc32c, then zeros up to 64 bytes.
/// - Record: magic u32 · length u32 · sequence u64 · type u8 · flags u8 · crc32c of these · body · crc32c of the body ·
///   zeros up to a multiple of 8.
enum RecordLayout {
    static let segmentMagic: UInt32 = 0x534A_5754
    static let recordMagic: UInt32 = 0x524A_5754
    static let format: UInt16 = 1
    static let segmentHeaderBytes = 64
    static let headerBytes = 22
    static let alignment = 8

    /// The bytes a record takes, padding included.
    static func totalBytes(bodyBytes: Int) -> Int {
        let bytes = headerBytes + bodyBytes + 4
        return (bytes + alignment - 1) / alignment * alignment
    }
}

/// A record that has no place and number yet.
struct Record: Sendable {
    struct Flags: OptionSet, Sendable {
        let rawValue: UInt8
        static let cut = Flags(rawValue: 1)
        static let overLong = Flags(rawValue: 2)
    }

    let type: RecordType
    let flags: Flags
    let body: [UInt8]
    private let bodyChecksum: UInt32

    init(_ type: RecordType, flags: Flags = [], body: [UInt8]) {
        self.type = type
        self.flags = flags
        self.body = body
        bodyChecksum = CRC32C.checksum(body)
    }

    var totalBytes: Int { RecordLayout.totalBytes(bodyBytes: body.count) }

    /// Appends the record's bytes; `writer` must stand at a multiple of the alignment.
    func encode(sequence: UInt64, into writer: inout ByteWriter) {
        var header = ByteWriter(capacity: RecordLayout.headerBytes)
        header.append(RecordLayout.recordMagic)
        header.append(UInt32(body.count))
        header.append(sequence)
        header.append(type.rawValue)
        header.append(flags.rawValue)
        header.append(CRC32C.checksum(header.bytes))
        writer.append(raw: header.bytes)
        writer.append(raw: body)
        writer.append(bodyChecksum)
        writer.pad(to: RecordLayout.alignment)
    }
}

/// The bodies of CLAIM and DONE: n × (channel id, attempt).
enum KeyList {
    /// One record holds at most this many keys, so that a damaged one loses little.
    static let keysMax = 200

    static func records(_ type: RecordType, _ keys: [ClaimKey]) -> [Record] {
        stride(from: 0, to: keys.count, by: keysMax).map { start in
            let part = keys[start..<min(start + keysMax, keys.count)]
            var body = ByteWriter(capacity: part.count * 40)
            body.append(UInt32(part.count))
            for key in part {
                body.append(key.channelID.rawValue)
                body.append(key.attempt)
            }
            return Record(type, body: body.bytes)
        }
    }

    static func keys(_ body: ArraySlice<UInt8>) throws(MalformedData) -> [ClaimKey] {
        var reader = ByteReader(body)
        var keys: [ClaimKey] = []
        for _ in 0..<(try reader.count()) {
            let channel = ChannelID(rawValue: try reader.text())
            keys.append(ClaimKey(channelID: channel, attempt: try reader.integer()))
        }
        return keys
    }
}
