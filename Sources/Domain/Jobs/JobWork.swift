import FoundationEssentials

/// Which channels a refresh by list or filter takes, and how.
package struct RefreshOrder: Sendable, Equatable, Codable {
    package var tenantID: String?
    package var userID: String?
    package var provider: String?
    /// Nil: all that match.
    package var channelIDs: [ChannelID]?
    package var force: Bool
    package var retryDead: Bool
    package var dryRun: Bool

    package init(
        tenantID: String? = nil, userID: String? = nil, provider: String? = nil, channelIDs: [ChannelID]? = nil,
        force: Bool = false, retryDead: Bool = false, dryRun: Bool = false
    ) {
        self.tenantID = tenantID
        self.userID = userID
        self.provider = provider
        self.channelIDs = channelIDs
        self.force = force
        self.retryDead = retryDead
        self.dryRun = dryRun
    }

    package var filter: ChannelFilter { ChannelFilter(tenantID: tenantID, userID: userID, provider: provider) }
}

/// What a job does.
package enum JobWork: Sendable, Equatable {
    case refresh(RefreshOrder)
    /// A look at every channel at a set time (`TOKENWARD_SWEEP`); what is not due is passed over.
    case sweep
    /// Removes what is kept no longer; a dry run counts it.
    case cleanup(dryRun: Bool)

    package enum Kind: String, Sendable, CaseIterable {
        case refresh, sweep, cleanup
    }

    package var kind: Kind {
        switch self {
        case .refresh: .refresh
        case .sweep: .sweep
        case .cleanup: .cleanup
        }
    }

    /// The channels that are refreshed; nil for work on anything else.
    package var order: RefreshOrder? {
        switch self {
        case .refresh(let order): order
        case .sweep: RefreshOrder()
        case .cleanup: nil
        }
    }
}

/// The work as the database keeps it: a kind and a JSON object.
extension JobWork {
    private struct Cleaning: Codable {
        var dryRun: Bool
    }

    package func request() throws -> String {
        let encoder = JSONEncoder()
        let bytes =
            switch self {
            case .refresh(let order): try encoder.encode(order)
            case .sweep: Data("{}".utf8)
            case .cleanup(let dryRun): try encoder.encode(Cleaning(dryRun: dryRun))
            }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// - Throws: when the text is not what ``request()`` made for this kind.
    package init(kind: String, request: String) throws {
        let bytes = Data(request.utf8)
        switch Kind(rawValue: kind) {
        case .refresh: self = .refresh(try JSONDecoder().decode(RefreshOrder.self, from: bytes))
        case .sweep: self = .sweep
        case .cleanup: self = .cleanup(dryRun: try JSONDecoder().decode(Cleaning.self, from: bytes).dryRun)
        case nil: throw UnknownJobKind(kind: kind)
        }
    }
}

/// A row of a newer version, or one that was written from outside.
package struct UnknownJobKind: Error, Sendable, Equatable, CustomStringConvertible {
    package var kind: String

    package var description: String { "This version knows no work of kind `\(kind.prefix(40))`." }
}
