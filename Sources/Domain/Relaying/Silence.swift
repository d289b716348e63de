package import FoundationEssentials

/// Which incidents a silence covers: those that meet all of it; an empty list or nil asks for nothing in particular.
package struct SilenceMatch: Sendable, Equatable, Codable {
    package var tenants: [String]
    package var providers: [String]
    /// Ids of channels.
    package var channels: [String]
    package var reasons: [String]
    /// ``MessageType`` names, of opening messages.
    package var types: [String]
    package var minimumSeverity: Severity?
    package var maximumSeverity: Severity?
    /// One incident alone: a snooze.
    package var incident: Int64?

    package init(
        tenants: [String] = [], providers: [String] = [], channels: [String] = [], reasons: [String] = [],
        types: [String] = [], minimumSeverity: Severity? = nil, maximumSeverity: Severity? = nil,
        incident: Int64? = nil
    ) {
        self.tenants = tenants
        self.providers = providers
        self.channels = channels
        self.reasons = reasons
        self.types = types
        self.minimumSeverity = minimumSeverity
        self.maximumSeverity = maximumSeverity
        self.incident = incident
    }

    /// Whether it would cover everything, which is never meant.
    package var isEmpty: Bool { self == SilenceMatch() }

    package func covers(
        incident id: Int64, cause: IncidentCause, severity: Severity, provider: String?, tenantID: String?
    ) -> Bool {
        (incident == nil || incident == id)
            && (tenants.isEmpty || tenantID.map(tenants.contains) ?? false)
            && (providers.isEmpty || provider.map(providers.contains) ?? false)
            && (channels.isEmpty || cause.kind == .channel && channels.contains(cause.id))
            && (reasons.isEmpty || reasons.contains(cause.reason))
            && (types.isEmpty || types.contains(MessageType.opening(cause).rawValue))
            && severity >= minimumSeverity ?? .info && severity <= maximumSeverity ?? .critical
    }
}

/// A time in which matching incidents open, close and send nothing but the end of what was told before.
///
/// An incident that is open when its last silence ends is told then.
package struct Silence: Sendable, Equatable {
    /// `sil_` and 20 random characters.
    package var id: String
    /// Nil: of the platform.
    ///
    /// A tenant's covers that tenant's incidents only.
    package var tenantID: String?
    package var match: SilenceMatch
    package var startsAt: Date
    package var endsAt: Date
    package var author: String
    package var comment: String
    package var createdAt: Date

    /// The longest silence: what must be quiet for longer wants another route.
    package static let longest = Duration.seconds(400 * 86400)

    package init(
        id: String = generatedID(), tenantID: String?, match: SilenceMatch, startsAt: Date, endsAt: Date,
        author: String, comment: String, createdAt: Date
    ) {
        self.id = id
        self.tenantID = tenantID
        self.match = match
        self.startsAt = startsAt
        self.endsAt = endsAt
        self.author = author
        self.comment = comment
        self.createdAt = createdAt
    }

    package static func generatedID() -> String { "sil_" + ChannelID.generated().rawValue.dropFirst(3) }

    package func isActive(at now: Date) -> Bool { startsAt <= now && now < endsAt }
}

/// A receiver that asked for no more messages of one destination.
package struct Mute: Sendable, Equatable {
    package var destinationID: String
    /// An e-mail address; empty: the whole destination.
    package var recipient: String
    package var by: String
    package var at: Date

    package init(destinationID: String, recipient: String, by: String, at: Date) {
        self.destinationID = destinationID
        self.recipient = recipient
        self.by = by
        self.at = at
    }
}
