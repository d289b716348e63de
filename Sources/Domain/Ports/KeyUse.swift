package import FoundationEssentials

/// A key of the ring, or one the database knows, and what is sealed with it.
package struct KeyUse: Sendable, Equatable {
    package var kid: String
    /// Whether this process has the key.
    package var isInRing: Bool
    /// Whether new values are sealed with it.
    package var seals: Bool
    package var createdAt: Date?
    package var channels: Int
    package var destinations: Int

    package init(kid: String, isInRing: Bool, seals: Bool, createdAt: Date?, channels: Int, destinations: Int) {
        self.kid = kid
        self.isInRing = isInRing
        self.seals = seals
        self.createdAt = createdAt
        self.channels = channels
        self.destinations = destinations
    }
}
