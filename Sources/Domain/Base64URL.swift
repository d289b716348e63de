import FoundationEssentials

/// RFC 4648 §5 without padding: bytes that go into URLs and cookies.
package enum Base64URL {
    package static func text(_ bytes: [UInt8]) -> String {
        String(
            Data(bytes).base64EncodedString().compactMap { character -> Character? in
                switch character {
                case "+": "-"
                case "/": "_"
                case "=": nil
                default: character
                }
            })
    }

    /// The bytes; nil for what ``text(_:)`` never writes, so that one value has one text.
    package static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        var base64 = String(text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 })
        base64 += String(repeating: "=", count: (4 - base64.count % 4) % 4)
        guard let bytes = Data(base64Encoded: base64).map(Array.init), self.text(bytes) == text else { return nil }
        return bytes
    }
}
