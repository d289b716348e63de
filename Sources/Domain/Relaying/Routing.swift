/// What routing looks at in an incident.
package struct RoutedNews: Sendable, Equatable {
    package var tenantID: String?
    package var provider: String?
    package var type: MessageType
    package var severity: Severity
    /// The destination the news is about: it is not told of itself.
    package var subject: String?

    package init(tenantID: String?, provider: String?, type: MessageType, severity: Severity, subject: String? = nil) {
        self.tenantID = tenantID
        self.provider = provider
        self.type = type
        self.severity = severity
        self.subject = subject
    }
}

/// Where news goes, and why; pure.
package enum Routing {
    /// What becomes of a destination.
    package enum Choice: Sendable, Equatable {
        /// It asks for such news.
        case matched
        /// Nothing asks for it, and this one is a default.
        case fallback
        case otherTenant
        /// The news is about the destination itself.
        case itself
        case tenant
        case provider
        case type
        case severity
        /// A default is not asked while others match.
        case notNeeded

        package var isTold: Bool { self == .matched || self == .fallback }
    }

    /// Of each destination, in the order given: all that match are told, else those marked default.
    ///
    /// A tenant's destination is told of that tenant only. A default without a match of its own matches nothing.
    package static func choices(_ news: RoutedNews, among destinations: [DestinationSummary]) -> [Choice] {
        let direct = destinations.map { Self.direct(news, $0) }
        let isMatched = direct.contains(.matched)
        return zip(destinations, direct).map { destination, choice in
            guard choice != .matched, choice != .otherTenant, choice != .itself, destination.isDefault else {
                return choice
            }
            return isMatched ? (choice == .fallback ? .notNeeded : choice) : .fallback
        }
    }

    package static func told(_ news: RoutedNews, among destinations: [DestinationSummary]) -> [DestinationSummary] {
        zip(destinations, choices(news, among: destinations)).filter { $0.1.isTold }.map(\.0)
    }

    private static func direct(_ news: RoutedNews, _ destination: DestinationSummary) -> Choice {
        let match = destination.match
        if let owner = destination.tenantID, owner != news.tenantID { return .otherTenant }
        if destination.id == news.subject { return .itself }
        if destination.isDefault, match.isEmpty { return .fallback }
        if !match.tenants.isEmpty, !(news.tenantID.map(match.tenants.contains) ?? false) { return .tenant }
        if !match.providers.isEmpty, !(news.provider.map(match.providers.contains) ?? false) { return .provider }
        if !match.types.isEmpty, !match.types.contains(news.type.rawValue) { return .type }
        if news.severity < match.minimumSeverity ?? .info { return .severity }
        return .matched
    }
}
