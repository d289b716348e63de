package import FoundationEssentials

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
    package var destinationName: String?

    package init(
        id: String, destinationID: String, recipient: String, kind: MessageKind, type: MessageType,
        state: DeliveryState, incidents: [Int64], attempts: Int, maybeArrived: Bool, code: String?, error: String?,
        createdAt: Date, runAt: Date, finishedAt: Date?, destinationName: String? = nil
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
        self.destinationName = destinationName
    }
}

/// One attempt at a delivery, for the log.
package struct DeliveryAttempt: Sendable, Equatable {
    /// From 1.
    package var number: Int
    package var at: Date
    /// `sent`, `retried` or `dead`.
    package var outcome: String
    /// A status, reply code or short word.
    package var code: String
    package var message: String
    package var milliseconds: Int
    /// The first kilobyte of the receiver's answer, redacted.
    package var excerpt: String?

    package init(
        number: Int, at: Date, outcome: String, code: String, message: String, milliseconds: Int, excerpt: String?
    ) {
        self.number = number
        self.at = at
        self.outcome = outcome
        self.code = code
        self.message = message
        self.milliseconds = milliseconds
        self.excerpt = excerpt
    }
}
