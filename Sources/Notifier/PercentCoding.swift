/// Percent-encoding of URLs and forms.
enum PercentCoding {
    /// `%40` → `@`; what is not a valid escape stays.
    static func decoded(_ text: some StringProtocol) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let value = escape(&rest) {
                bytes.append(value)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A form's field: `+` is a space; nil for an invalid escape.
    static func formDecoded(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(0x20)
            case UInt8(ascii: "%"):
                guard let value = escape(&rest) else { return nil }
                bytes.append(value)
            default: bytes.append(byte)
            }
        }
        return bytes
    }

    /// The byte of the two digits that follow a percent sign.
    private static func escape(_ rest: inout ArraySlice<UInt8>) -> UInt8? {
        let digits = String(decoding: rest.prefix(2), as: UTF8.self)
        // UInt8(_:radix:) would take a sign.
        guard digits.count == 2, digits.allSatisfy(\.isHexDigit), let value = UInt8(digits, radix: 16) else {
            return nil
        }
        rest = rest.dropFirst(2)
        return value
    }
}
