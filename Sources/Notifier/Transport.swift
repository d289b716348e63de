package import Domain
package import FoundationEssentials
package import Templates

/// A way to hand a message over; one value for each `DestinationKind`.
///
/// A transport keeps no state and writes no log. What it returns holds no URL, password or secret.
package protocol Transport: Sendable {
    var kind: DestinationKind { get }
    /// Hard limit of one attempt, all its transfers together.
    var limit: Duration { get }
    /// The message in the transport's own form, the same bytes for every attempt.
    func render(
        _ message: RelayMessage, _ envelope: Envelope, _ configuration: DestinationConfiguration
    ) throws(TemplateError) -> [UInt8]
    /// Makes one attempt. `permit` is asked right before the request bytes, where the protocol allows.
    func send(
        _ content: [UInt8], _ envelope: Envelope, _ configuration: DestinationConfiguration,
        permit: @escaping @Sendable () -> Bool
    ) async -> AttemptEnd
}

/// What a transport knows of a delivery besides its message.
package struct Envelope: Sendable, Equatable {
    package var deliveryID: String
    /// An e-mail address; empty for other kinds.
    package var recipient: String
    /// Mails of one incident form a thread; 0: none.
    package var rootIncident: Int64
    package var queuedAt: Date
    /// Tries so far, this one included.
    package var tries: Int
    package var kind: MessageKind
    /// What links that mute the receiver name; empty in tests of a destination.
    package var destinationID: String
    /// The earlier message of these incidents to this receiver, if the transport gave a handle for one.
    package var thread: DeliveryThread?

    package init(
        deliveryID: String, recipient: String, rootIncident: Int64, queuedAt: Date, tries: Int,
        kind: MessageKind = .opened, destinationID: String = "", thread: DeliveryThread? = nil
    ) {
        self.deliveryID = deliveryID
        self.recipient = recipient
        self.rootIncident = rootIncident
        self.queuedAt = queuedAt
        self.tries = tries
        self.kind = kind
        self.destinationID = destinationID
        self.thread = thread
    }
}

/// How an attempt ended, in the transport's judgement.
package struct AttemptEnd: Sendable, Equatable {
    package enum Verdict: Sendable, Equatable {
        case accepted
        /// Not sooner than `after`; `parks`: nothing else goes to this destination until then either.
        case retry(after: Duration? = nil, parks: Bool = false)
        /// Trying again cannot help; `degrades`: nor would another message.
        case permanent(degrades: Bool)
    }

    package var verdict: Verdict
    /// A status, reply code or short word.
    package var code: String
    package var sentence: String
    /// The receiver may have the message all the same.
    package var maybeArrived: Bool
    /// Of the receiver's answer, at most 1 kB, redacted.
    package var excerpt: String?
    /// See `DeliveryReport.handle`.
    package var handle: String?

    package init(
        _ verdict: Verdict, code: String, sentence: String, maybeArrived: Bool, excerpt: String? = nil,
        handle: String? = nil
    ) {
        self.verdict = verdict
        self.code = code
        self.sentence = sentence
        self.maybeArrived = maybeArrived
        self.excerpt = excerpt
        self.handle = handle
    }

    /// The destination is of another kind than the transport; cannot happen with what the store hands out.
    static let wrongKind = AttemptEnd(
        .permanent(degrades: true), code: "kind", sentence: "The destination is of another kind than its transport.",
        maybeArrived: false)
}
