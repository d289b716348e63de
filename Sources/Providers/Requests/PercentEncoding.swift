/// Strict encoding of values for URLs and forms.
enum PercentEncoding {
    /// For `application/x-www-form-urlencoded` bodies: everything but letters, digits and `-._*`; a space is `+`.
    static func form(_ text: String) -> String {
        encode(text) { byte in isAlphanumeric(byte) || "-._*".utf8.contains(byte) }.replacingSpaces()
    }

    /// For the query of a URL and one segment of its path: everything but RFC 3986's unreserved characters.
    ///
    /// A segment of dots alone is encoded too: it would walk up the path.
    static func segment(_ text: String) -> String {
        if text == "." || text == ".." { return text.map { _ in "%2E" }.joined() }
        return encode(text) { byte in isAlphanumeric(byte) || "-._~".utf8.contains(byte) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte)
    }

    private static func encode(_ text: String, keeping isKept: (UInt8) -> Bool) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count + 16)
        for byte in text.utf8 {
            if isKept(byte) {
                bytes.append(byte)
            } else {
                bytes.append(UInt8(ascii: "%"))
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 15)])
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension String {
    fileprivate func replacingSpaces() -> String {
        split(separator: "%20", omittingEmptySubsequences: false).joined(separator: "+")
    }
}
