/// Decides from the headers alone whether a request is read further.
///
/// libmicrohttpd 0.9.75 takes the first of several lengths, prefers chunks to a length, and reads to the end of the
/// connection under codings it does not know. A proxy that decides otherwise would see other requests than we do
/// (request smuggling, RFC 9112 §11.2), so each such request is refused and its connection closed.
enum RequestFraming {
    static func refusal(
        headers: [(String, String)], version: String, headerBytes: Int, limits: HTTPServerConfiguration
    ) -> Refusal? {
        var lengths: Set<String> = []
        var codings: [String] = []
        for (name, value) in headers {
            guard HeaderSyntax.isName(name.utf8), HeaderSyntax.isValue(value.utf8.filter { $0 != 0x09 }) else {
                return .malformedHeader
            }
            switch name.lowercased() {
            case "content-length": lengths.insert(value)
            case "transfer-encoding": codings.append(value.lowercased())
            // A value continued on a next line ends up in the name here; a proxy may have read it as the value.
            case let mangled where mangled.hasPrefix("content-length") || mangled.hasPrefix("transfer-encoding"):
                return .malformedHeader
            default: break
            }
        }
        if !codings.isEmpty, !lengths.isEmpty { return .lengthAndTransferCoding }
        if !codings.isEmpty, codings != ["chunked"] || version != "HTTP/1.1" { return .unsupportedTransferCoding }
        if lengths.count > 1 { return .contradictingLengths }
        if let text = lengths.first {
            guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
                return .contradictingLengths
            }
            // Digits that overflow are too many bytes as well.
            if Int(text).map({ $0 > limits.bodyBytesMax }) ?? true {
                return .bodyTooLarge(bytesMax: limits.bodyBytesMax)
            }
        }
        if headerBytes > limits.headerBytesMax { return .headerTooLarge(bytesMax: limits.headerBytesMax) }
        return nil
    }
}
