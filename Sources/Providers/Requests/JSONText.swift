/// Writes flat JSON objects of texts.
enum JSONText {
    static func object(_ pairs: [(String, String)]) -> [UInt8] {
        var out: [UInt8] = [UInt8(ascii: "{")]
        for (number, pair) in pairs.enumerated() {
            if number > 0 { out.append(UInt8(ascii: ",")) }
            string(pair.0, to: &out)
            out.append(UInt8(ascii: ":"))
            string(pair.1, to: &out)
        }
        out.append(UInt8(ascii: "}"))
        return out
    }

    static func string(_ text: String, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                out += [UInt8(ascii: "\\"), byte]
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                out += Array((digits.utf8.count == 1 ? "\\u000" : "\\u00").utf8) + Array(digits.utf8)
            default:
                out.append(byte)
            }
        }
        out.append(UInt8(ascii: "\""))
    }
}
