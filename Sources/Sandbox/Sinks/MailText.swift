import FoundationEssentials

/// Headers and the readable text of a mail: enough of RFC 5322, 2045–2047 to show what was sent.
struct MailText {
    private(set) var headers: [(name: String, value: String)] = []
    /// The first text/plain part, decoded; else the whole body.
    private(set) var text = ""

    static let depthMax = 4

    init(_ mail: [UInt8]) {
        let lines = Self.lines(String(decoding: mail, as: UTF8.self))
        let end = lines.firstIndex(of: "") ?? lines.endIndex
        headers = Self.unfolded(lines[..<end])
        text = Self.plainText(headers, lines[min(end + 1, lines.endIndex)...], depth: 0) ?? ""
    }

    func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name }?.value
    }

    private static func lines(_ text: String) -> [String] {
        text.split(omittingEmptySubsequences: false) { $0 == "\r\n" || $0 == "\n" }.map(String.init)
    }

    private static func unfolded(_ lines: some Sequence<String>) -> [(name: String, value: String)] {
        var headers: [(name: String, value: String)] = []
        for line in lines {
            if line.first?.isWhitespace == true, let last = headers.indices.last {
                headers[last].value += " " + trimmed(line)
            } else if let colon = line.firstIndex(of: ":") {
                headers.append((String(line[..<colon]), trimmed(line[line.index(after: colon)...])))
            }
        }
        return headers
    }

    private static func plainText(
        _ headers: [(name: String, value: String)], _ body: ArraySlice<String>, depth: Int
    ) -> String? {
        func value(_ name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }
        let type = value("content-type") ?? "text/plain"
        if type.lowercased().hasPrefix("multipart/"), depth < depthMax, let boundary = parameter("boundary", of: type) {
            let parts = body.split(omittingEmptySubsequences: false) {
                $0 == "--" + boundary || $0 == "--" + boundary + "--"
            }
            for part in parts.dropFirst() {
                let end = part.firstIndex(of: "") ?? part.endIndex
                let partHeaders = unfolded(part[..<end])
                let content = part[min(end + 1, part.endIndex)...]
                if let text = plainText(partHeaders, content, depth: depth + 1) { return text }
            }
            return nil
        }
        guard depth == 0 || type.lowercased().hasPrefix("text/plain") else { return nil }
        let text = body.joined(separator: "\n")
        switch value("content-transfer-encoding")?.lowercased() {
        case "quoted-printable": return quotedPrintable(text)
        case "base64":
            let letters = text.filter { !$0.isWhitespace }
            return Data(base64Encoded: letters).map { String(decoding: $0, as: UTF8.self) } ?? text
        default: return text
        }
    }

    private static func parameter(_ name: String, of header: String) -> String? {
        for part in header.split(separator: ";").dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1).map { trimmed($0) }
            guard pair.count == 2, pair[0].lowercased() == name else { continue }
            return pair[1].hasPrefix("\"") && pair[1].hasSuffix("\"") ? String(pair[1].dropFirst().dropLast()) : pair[1]
        }
        return nil
    }

    /// RFC 2045 §6.7; `underscoreIsSpace` is the Q encoding of headers.
    static func quotedPrintable(_ text: String, underscoreIsSpace: Bool = false) -> String {
        let bytes = Array(text.utf8)
        var decoded: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "="), index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "\n") {
                index += 2
            } else if byte == UInt8(ascii: "="), index + 2 < bytes.count, let high = hexDigit(bytes[index + 1]),
                let low = hexDigit(bytes[index + 2])
            {
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(underscoreIsSpace && byte == UInt8(ascii: "_") ? UInt8(ascii: " ") : byte)
                index += 1
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }

    /// RFC 2047 words (`=?utf-8?B?…?=`) of a header as text; only UTF-8 is read.
    static func decodedWords(_ header: String) -> String {
        var result = ""
        var previousWasWord = false
        for word in header.split(separator: " ") {
            let parts = word.split(separator: "?", omittingEmptySubsequences: false)
            guard parts.count == 5, parts[0] == "=", parts[4] == "=", parts[1].lowercased() == "utf-8" else {
                result += (result.isEmpty ? "" : " ") + word
                previousWasWord = false
                continue
            }
            let text =
                parts[2].lowercased() == "b"
                ? Data(base64Encoded: String(parts[3])).map { String(decoding: $0, as: UTF8.self) } ?? String(word)
                : quotedPrintable(String(parts[3]), underscoreIsSpace: true)
            // White space between two encoded words is not part of the text (RFC 2047 §6.2).
            result += (result.isEmpty || previousWasWord ? "" : " ") + text
            previousWasWord = true
        }
        return result
    }
}
