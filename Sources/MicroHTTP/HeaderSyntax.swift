/// What RFC 9110 §5 allows in a header.
enum HeaderSyntax {
    /// A token: letters, digits and ``!#$%&'*+-.^_`|~``, at least one.
    static func isName(_ bytes: some Sequence<UInt8>) -> Bool {
        var isEmpty = true
        for byte in bytes {
            isEmpty = false
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                continue
            case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E...0x60, 0x7C, 0x7E:
                continue
            default:
                return false
            }
        }
        return !isEmpty
    }

    /// No control character; without CR and LF nobody can add a header or a body of their own.
    static func isValue(_ bytes: some Sequence<UInt8>) -> Bool {
        bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }
}
