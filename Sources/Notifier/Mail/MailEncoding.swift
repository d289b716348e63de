import FoundationEssentials

/// The encodings of RFC 2045 and RFC 2047.
enum MailEncoding {
    static let lineMax = 76

    /// A header with its value as words of at most 75 characters when it is not short plain ASCII.
    static func header(_ name: String, text: String) -> String {
        "\(name): " + unstructured(text, used: name.utf8.count + 2)
    }

    /// - Parameter used: characters of the first line that are taken.
    static func unstructured(_ text: String, used: Int) -> String {
        let isPlain = text.utf8.allSatisfy { (0x20..<0x7F).contains($0) }
        if isPlain, used + text.utf8.count <= lineMax, !text.contains("=?"), text.first != " ", text.last != " " {
            return text
        }
        // 45 bytes are 60 characters of base64 and with the frame 72; no character is cut in two.
        var words: [String] = []
        var word: [UInt8] = []
        var room = used > 4 ? 45 - (used - 1 + 2) / 4 * 3 : 45
        for character in text.unicodeScalars {
            let safe = character.properties.generalCategory == .control ? " " : character
            let bytes = Array(String(safe).utf8)
            if word.count + bytes.count > max(room, 12) {
                words.append(encoded(word))
                word = []
                room = 45
            }
            word += bytes
        }
        if !word.isEmpty { words.append(encoded(word)) }
        return words.joined(separator: "\r\n ")
    }

    private static func encoded(_ bytes: [UInt8]) -> String { "=?UTF-8?B?\(Data(bytes).base64EncodedString())?=" }

    /// Quoted-printable with CRLF line ends; no line is longer than 76 characters.
    static func quotedPrintable(_ text: String) -> String {
        var lines: [String] = []
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            var current = ""
            let bytes = Array(line.utf8)
            for (index, byte) in bytes.enumerated() {
                let isLast = index == bytes.count - 1
                let isBlank = byte == 0x20 || byte == 0x09
                let isSafe = (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "=") || isBlank && !isLast
                let token = isSafe ? String(Unicode.Scalar(byte)) : escape(byte)
                // Room for the soft break's own sign.
                if current.utf8.count + token.utf8.count > lineMax - 1 {
                    lines.append(current + "=")
                    current = ""
                }
                current += token
            }
            lines.append(current)
        }
        return lines.joined(separator: "\r\n")
    }

    private static func escape(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return byte < 16 ? "=0\(digits)" : "=\(digits)"
    }
}
