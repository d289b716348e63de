/// Reads the files of `channels import`: CSV with a header, or a JSON array.
package enum ChannelFile {
    package static let bytesMax = 256 << 20

    /// The channels of a file, each with the line (CSV) or place (JSON) it stands at.
    ///
    /// - Throws: ``IntakeError`` that names the line.
    package static func read(_ bytes: [UInt8]) throws(IntakeError) -> [(place: String, fields: ChannelFields)] {
        let first = bytes.first {
            $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 && $0 != 0xEF && $0 != 0xBB && $0 != 0xBF
        }
        guard let first else { throw IntakeError("the file is empty") }
        return first == UInt8(ascii: "[") ? try readJSON(bytes) : try readCSV(bytes)
    }

    private static func readJSON(_ bytes: [UInt8]) throws(IntakeError) -> [(place: String, fields: ChannelFields)] {
        guard case .array(let items)? = try? JSON(parsing: bytes) else {
            throw IntakeError("the file is not a JSON array")
        }
        var channels: [(place: String, fields: ChannelFields)] = []
        for (index, item) in items.enumerated() {
            do {
                channels.append(("item \(index + 1)", try ChannelFields(object: item)))
            } catch {
                throw IntakeError("item \(index + 1): \(error)")
            }
        }
        return channels
    }

    private static func readCSV(_ bytes: [UInt8]) throws(IntakeError) -> [(place: String, fields: ChannelFields)] {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw IntakeError("the file is not UTF-8") }
        var records = CSVRecords(text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text)
        guard let header = try records.next() else { throw IntakeError("the file is empty") }
        for name in header.values where !ChannelFields.names.contains(name) {
            throw IntakeError(
                "line \(header.line): unknown column `\(name)`; the columns are \(ChannelFields.names.joined(separator: ", "))"
            )
        }
        guard Set(header.values).count == header.values.count else {
            throw IntakeError("line \(header.line): a column stands twice in the header")
        }
        var channels: [(place: String, fields: ChannelFields)] = []
        while let record = try records.next() {
            guard record.values.count == header.values.count else {
                throw IntakeError(
                    "line \(record.line): \(record.values.count) values where the header has \(header.values.count) columns"
                )
            }
            let columns = Dictionary(uniqueKeysWithValues: zip(header.values, record.values))
            channels.append(("line \(record.line)", try ChannelFields(columns: columns)))
        }
        return channels
    }
}

/// Records of RFC 4180 text with the line each begins at; empty lines are passed over.
struct CSVRecords {
    private var text: Substring.UTF8View
    private var line = 1

    init(_ text: String) {
        self.text = Substring(text).utf8
    }

    mutating func next() throws(IntakeError) -> (line: Int, values: [String])? {
        while let byte = text.first, byte == 0x0A || byte == 0x0D { skipLineEnd() }
        guard !text.isEmpty else { return nil }
        let start = line
        var values: [String] = []
        while true {
            values.append(try text.first == UInt8(ascii: "\"") ? quoted(from: start) : plain())
            guard let byte = text.first else { break }
            if byte == UInt8(ascii: ",") {
                text.removeFirst()
                continue
            }
            guard byte == 0x0A || byte == 0x0D else {
                throw IntakeError("line \(line): text after a closing quote")
            }
            skipLineEnd()
            break
        }
        return (start, values)
    }

    private mutating func plain() -> String {
        let value = text.prefix { $0 != UInt8(ascii: ",") && $0 != 0x0A && $0 != 0x0D }
        text = text[value.endIndex...]
        return String(Substring(value))
    }

    private mutating func quoted(from start: Int) throws(IntakeError) -> String {
        var value: [UInt8] = []
        text.removeFirst()
        while let byte = text.popFirst() {
            if byte == UInt8(ascii: "\"") {
                guard text.first == UInt8(ascii: "\"") else { return String(decoding: value, as: UTF8.self) }
                text.removeFirst()
            }
            if byte == 0x0A { line += 1 }
            value.append(byte)
        }
        throw IntakeError("line \(start): a quote is not closed")
    }

    private mutating func skipLineEnd() {
        if text.popFirst() == 0x0D, text.first == 0x0A { text.removeFirst() }
        line += 1
    }
}
