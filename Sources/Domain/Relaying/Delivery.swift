package import FoundationEssentials

package enum DeliveryState: String, Sendable, CaseIterable {
    case pending
    case sending
    case sent
    case dead
    case suppressed
}

/// The right to send one delivery until its lease ends.
package struct DeliveryClaim: Hashable, Sendable {
    /// Stable over attempts and replicas: the webhook's id and the left side of the mail's Message-ID.
    package var deliveryID: String
    package var claimID: UUID

    package init(deliveryID: String, claimID: UUID) {
        self.deliveryID = deliveryID
        self.claimID = claimID
    }
}

/// A delivery this replica alone sends until its lease ends.
package struct ClaimedDelivery: Sendable {
    package var claim: DeliveryClaim
    package var destinationID: String
    package var destinationName: String
    package var kind: DestinationKind
    /// An e-mail address; empty for other kinds.
    package var recipient: String
    package var configuration: Result<DestinationConfiguration, SealedCredentialFault>
    package var messageKind: MessageKind
    package var messageType: MessageType
    /// Tries since it was queued or replayed, this one included.
    package var tries: Int
    package var queuedAt: Date
    /// The rendered message, from an earlier claim.
    package var content: [UInt8]?
    /// What to render when there is no content yet: the most urgent incidents first, at most ``incidentsMax``.
    package var incidents: [IncidentFacts]
    /// All incidents this delivery carries.
    package var total: Int
    /// The oldest incident: mails of one incident form a thread.
    package var rootIncident: Int64
    /// How long the lease is, from ``DeliveryBatch/sentAt``.
    package var lease: Duration

    package static let incidentsMax = 100

    package init(
        claim: DeliveryClaim, destinationID: String, destinationName: String, kind: DestinationKind, recipient: String,
        configuration: Result<DestinationConfiguration, SealedCredentialFault>, messageKind: MessageKind,
        messageType: MessageType, tries: Int, queuedAt: Date, content: [UInt8]?, incidents: [IncidentFacts], total: Int,
        rootIncident: Int64, lease: Duration
    ) {
        self.claim = claim
        self.destinationID = destinationID
        self.destinationName = destinationName
        self.kind = kind
        self.recipient = recipient
        self.configuration = configuration
        self.messageKind = messageKind
        self.messageType = messageType
        self.tries = tries
        self.queuedAt = queuedAt
        self.content = content
        self.incidents = incidents
        self.total = total
        self.rootIncident = rootIncident
        self.lease = lease
    }
}

/// What a message says of one incident.
package struct IncidentFacts: Sendable, Equatable {
    package var id: Int64
    package var cause: IncidentCause
    package var severity: Severity
    package var provider: String?
    package var tenantID: String?
    package var message: String?
    package var openedAt: Date
    package var deadline: Date?
    /// Of channel incidents.
    package var userID: String?
    package var displayName: String?
    /// How many channels wait for an app; 1 for a channel's incident.
    package var channels: Int

    package init(
        id: Int64, cause: IncidentCause, severity: Severity, provider: String?, tenantID: String?, message: String?,
        openedAt: Date, deadline: Date?, userID: String?, displayName: String?, channels: Int
    ) {
        self.id = id
        self.cause = cause
        self.severity = severity
        self.provider = provider
        self.tenantID = tenantID
        self.message = message
        self.openedAt = openedAt
        self.deadline = deadline
        self.userID = userID
        self.displayName = displayName
        self.channels = channels
    }
}

/// The deliveries of one committed claim.
package struct DeliveryBatch: Sendable {
    package var deliveries: [ClaimedDelivery]
    /// Local time read before the statement was sent: the clock of send deadlines.
    package var sentAt: ContinuousClock.Instant

    package init(deliveries: [ClaimedDelivery], sentAt: ContinuousClock.Instant) {
        self.deliveries = deliveries
        self.sentAt = sentAt
    }
}

/// How one attempt ended, ready to be stored.
package struct DeliveryReport: Sendable, Equatable {
    package enum End: Sendable, Equatable {
        case sent
        case retry(after: Duration)
        case dead
    }

    package var end: End
    /// A status, reply code or short word.
    package var code: String
    /// One sentence without addresses or secrets.
    package var sentence: String
    /// The receiver may have the message although this attempt counts as failed.
    package var maybeArrived: Bool
    package var duration: Duration
    /// At most 1 kB of the receiver's answer, redacted.
    package var excerpt: String?
    /// No delivery to this destination starts for so long.
    package var park: Duration?
    /// The destination itself needs a human; the sentence says why.
    package var degrades: Bool

    package init(
        end: End, code: String, sentence: String, maybeArrived: Bool, duration: Duration, excerpt: String? = nil,
        park: Duration? = nil, degrades: Bool = false
    ) {
        self.end = end
        self.code = code
        self.sentence = sentence
        self.maybeArrived = maybeArrived
        self.duration = duration
        self.excerpt = excerpt
        self.park = park
        self.degrades = degrades
    }
}

/// A delivery as lists show it; holds neither content nor addresses of webhooks.
package struct DeliveryRecord: Sendable, Equatable {
    package var id: String
    package var destinationID: String
    package var recipient: String
    package var kind: MessageKind
    package var type: MessageType
    package var state: DeliveryState
    package var incidents: [Int64]
    package var attempts: Int
    package var maybeArrived: Bool
    package var code: String?
    package var error: String?
    package var createdAt: Date
    package var runAt: Date
    package var finishedAt: Date?

    package init(
        id: String, destinationID: String, recipient: String, kind: MessageKind, type: MessageType,
        state: DeliveryState, incidents: [Int64], attempts: Int, maybeArrived: Bool, code: String?, error: String?,
        createdAt: Date, runAt: Date, finishedAt: Date?
    ) {
        self.id = id
        self.destinationID = destinationID
        self.recipient = recipient
        self.kind = kind
        self.type = type
        self.state = state
        self.incidents = incidents
        self.attempts = attempts
        self.maybeArrived = maybeArrived
        self.code = code
        self.error = error
        self.createdAt = createdAt
        self.runAt = runAt
        self.finishedAt = finishedAt
    }
}
