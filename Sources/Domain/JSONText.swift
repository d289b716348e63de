/// A JSON object written member by member, in the order given (RFC 8259): for what is written often.
package struct JSONText: Sendable {
    private var open: [UInt8]

    package init(reserving bytes: Int = 256) {
        open = []
        open.reserveCapacity(bytes)
    }

    /// The whole object.
    package var bytes: [UInt8] { open.isEmpty ? Array("{}".utf8) : open + [UInt8(ascii: "}")] }

    /// A flat object of texts.
    package static func object(_ pairs: [(String, String)]) -> [UInt8] {
        var object = JSONText()
        for (name, value) in pairs { object.add(name, value) }
        return object.bytes
    }

    /// An array of values that are JSON already.
    package static func array(_ values: [[UInt8]]) -> [UInt8] {
        [UInt8(ascii: "[")] + values.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "]")]
    }

    package mutating func add(_ name: String, _ text: String?) {
        begin(name)
        if let text { write(text) } else { open += "null".utf8 }
    }

    package mutating func add(_ name: String, _ number: Int) {
        begin(name)
        open += String(number).utf8
    }

    /// - Parameter json: a value that is JSON already.
    package mutating func add(_ name: String, json: [UInt8]) {
        begin(name)
        open += json
    }

    private mutating func begin(_ name: String) {
        open.append(open.isEmpty ? UInt8(ascii: "{") : UInt8(ascii: ","))
        write(name)
        open.append(UInt8(ascii: ":"))
    }

    private mutating func write(_ text: String) { Self.string(text, to: &open) }

    /// A string with its quotes.
    package static func string(_ text: String, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        if text.utf8.contains(where: isEscaped) {
            for byte in text.utf8 { append(byte, to: &out) }
        } else {
            out += text.utf8
        }
        out.append(UInt8(ascii: "\""))
    }

    private static func isEscaped(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private static func append(_ byte: UInt8, to out: inout [UInt8]) {
        guard isEscaped(byte) else { return out.append(byte) }
        if byte < 0x20 {
            out += (byte < 0x10 ? "\\u000" : "\\u00").utf8
            out += String(byte, radix: 16).utf8
        } else {
            out += [UInt8(ascii: "\\"), byte]
        }
    }
}
