/// A mailbox: `user@host`, or `Name <user@host>` for a sender.
struct MailAddress: Equatable {
    let name: String
    let address: String

    /// - Throws: ``DestinationError/address(_:)``; nothing with a control character ever passes.
    init(parsing text: String) throws(DestinationError) {
        let text = text.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
        guard text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }), text.utf8.count <= 320
        else { throw .address }
        if text.hasSuffix(">"), let open = text.lastIndex(of: "<") {
            name = text[..<open].split(separator: " ").joined(separator: " ").filter { $0 != "\"" }
            address = String(text[text.index(after: open)...].dropLast())
        } else {
            name = ""
            address = text
        }
        guard Self.isValid(address) else { throw .address }
    }

    var domain: String { address.split(separator: "@").last.map(String.init) ?? "localhost" }

    /// ASCII, one `@`, no quoting: everything that goes into an SMTP command unchanged.
    private static func isValid(_ address: String) -> Bool {
        let parts = address.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, (1...64).contains(parts[0].utf8.count), (1...253).contains(parts[1].utf8.count) else {
            return false
        }
        let local = parts[0].utf8.allSatisfy { isAlphanumeric($0) || localSigns.contains($0) }
        let host = parts[1].utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
        return local && host && !address.contains("..") && parts[0].first != "." && parts[0].last != "."
            && parts[1].first != "." && parts[1].first != "-" && parts[1].last != "."
    }

    private static let localSigns = Set("!#$%&'*+-/=?^_`{|}~.".utf8)

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: false
        }
    }
}
