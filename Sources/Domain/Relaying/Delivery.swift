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
    /// The rendered message, of this or an earlier claim; nil: it cannot be rendered.
    package var content: [UInt8]?
    /// What to render at the first claim: the most urgent incidents first, at most ``incidentsMax``.
    package var incidents: [IncidentFacts]
    /// All incidents this delivery carries.
    package var total: Int
    /// The oldest incident: mails of one incident form a thread.
    package var rootIncident: Int64
    /// How long the lease is, from ``DeliveryBatch/sentAt``.
    package var lease: Duration
    /// What the transport got back for an earlier message of these incidents to this receiver.
    package var thread: DeliveryThread?

    package static let incidentsMax = 100

    package init(
        claim: DeliveryClaim, destinationID: String, destinationName: String, kind: DestinationKind, recipient: String,
        configuration: Result<DestinationConfiguration, SealedCredentialFault>, messageKind: MessageKind,
        messageType: MessageType, tries: Int, queuedAt: Date, content: [UInt8]?, incidents: [IncidentFacts], total: Int,
        rootIncident: Int64, lease: Duration, thread: DeliveryThread? = nil
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
        self.thread = thread
    }

    /// With a message, unless an earlier claim made it.
    package func rendered(by render: ClaimTerms.Rendering) -> ClaimedDelivery {
        var delivery = self
        delivery.content = content ?? render(self)
        return delivery
    }
}

/// An earlier message that a later one follows or replaces.
package struct DeliveryThread: Sendable, Equatable {
    /// As ``DeliveryReport/handle`` was, such as Slack's channel and `ts`; of the oldest incident that has one.
    package var handle: String
    /// How many of the incidents under this handle are open still: at 0 the earlier message may be replaced.
    package var openIncidents: Int

    package init(handle: String, openIncidents: Int) {
        self.handle = handle
        self.openIncidents = openIncidents
    }
}

/// The deliveries of one committed claim.
package struct DeliveryBatch: Sendable {
    package var deliveries: [ClaimedDelivery]
    /// Local time read before the statement was sent: the clock of send deadlines.
    package var sentAt: ContinuousClock.Instant
    /// Some that are due may have been left, for want of room at their destination or behind earlier ones.
    package var leavesDue: Bool

    package init(deliveries: [ClaimedDelivery], sentAt: ContinuousClock.Instant, leavesDue: Bool = false) {
        self.deliveries = deliveries
        self.sentAt = sentAt
        self.leavesDue = leavesDue
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
    /// What later messages of these incidents to this receiver need; at most 400 bytes.
    ///
    /// Kept with each incident of the delivery, in place of an earlier one; nil keeps that.
    package var handle: String?

    package init(
        end: End, code: String, sentence: String, maybeArrived: Bool, duration: Duration, excerpt: String? = nil,
        park: Duration? = nil, degrades: Bool = false, handle: String? = nil
    ) {
        self.end = end
        self.code = code
        self.sentence = sentence
        self.maybeArrived = maybeArrived
        self.duration = duration
        self.excerpt = excerpt
        self.park = park
        self.degrades = degrades
        self.handle = handle
    }
}
