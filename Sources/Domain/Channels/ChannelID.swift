/// The id of a channel: the platform's own text, or generated; unique in one installation.
package struct ChannelID: RawRepresentable, Hashable, Sendable, Comparable, Codable, ExpressibleByStringLiteral,
    CustomStringConvertible
{
    package let rawValue: String

    package init(rawValue: String) {
        self.rawValue = rawValue
    }

    package init(stringLiteral value: String) {
        self.init(rawValue: value)
    }

    package var description: String { rawValue }

    package static func < (left: ChannelID, right: ChannelID) -> Bool { left.rawValue < right.rawValue }

    /// A new id: `ch_` and 20 random characters of a 32-letter alphabet (100 bits).
    package static func generated() -> ChannelID {
        let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz")
        var generator = SystemRandomNumberGenerator()
        let letters = (0..<20).map { _ in alphabet[Int.random(in: 0..<32, using: &generator)] }
        return ChannelID(rawValue: "ch_" + String(letters))
    }
}
