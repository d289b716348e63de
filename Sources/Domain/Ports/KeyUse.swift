package import FoundationEssentials

/// The keys that stored values are sealed with (PROTOCOL §10).
package protocol KeyDirectory: Sendable {
    /// What is sealed with each key; counts every row.
    ///
    /// - Parameter ring: ids of this process's keys; the first seals.
    func keyUses(ring: [String]) async throws -> [KeyUse]
}

/// What one transaction of sealing again did.
package struct ResealedBatch: Sendable, Equatable {
    package var resealed = 0
    /// Neither opened nor changed: the ring lacks their key, or they are damaged.
    package var unreadable = 0
    /// The last channel that was looked at.
    package var last: ChannelID?
    /// Whether nothing is left behind ``last``.
    package var isLast: Bool

    package init(isLast: Bool) { self.isLast = isLast }
}

/// Why a key must stay in the ring.
package enum KeyRetirementError: Error, Sendable, Equatable, CustomStringConvertible {
    case unknown
    case seals
    case used(channels: Int, others: Int)
    case silentReplicas(Int)
    case journalled(until: Date)

    package var description: String {
        switch self {
        case .unknown: "The database knows no such key; `tokenward keys status` lists them."
        case .seals: "It is the first key of the ring and seals: put another key first, everywhere, and rotate."
        case .used(let channels, let others):
            "It still seals \(channels) channels and \(others) other values: run `tokenward keys rotate`."
        case .silentReplicas(let count):
            "\(count) replicas with unsettled answers in their journals have been silent for two minutes: start them, or remove their journals for good."
        case .journalled(let until):
            "Journals may hold answers sealed with it until \(until.formatted(.iso8601)): retire it after that."
        }
    }
}

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
