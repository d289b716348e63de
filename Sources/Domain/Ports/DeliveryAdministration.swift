package import FoundationEssentials

/// The delivery log, replaying many, and the platform's own events.
package protocol DeliveryAdministration: Sendable {
    /// With its attempts, the first one first; nil when unknown or not the tenant's.
    func delivery(_ id: String, tenantID: String?) async throws -> (DeliveryRecord, [DeliveryAttempt])?
    /// Queues dead deliveries again, with the same ids, and unparks their destinations.
    ///
    /// Openings and reminders of what has ended are left out.
    ///
    /// - Returns: the ids that were queued.
    func replay(_ filter: ReplayFilter, by actor: AuditActor) async throws -> [String]
    /// Records an event for the relay; false: its id was seen before.
    func submit(_ event: PlatformEvent) async throws -> Bool
    /// Notes that a test message arrived: the destination works again.
    func noteTest(of destination: String) async throws
}

/// Which dead deliveries are replayed; nil matches all.
package struct ReplayFilter: Sendable, Equatable {
    package var tenantID: String?
    package var deliveryID: String?
    package var destinationID: String?
    package var type: MessageType?
    /// That died since then.
    package var since: Date?
    /// At most 1,000, the oldest first.
    package var limit: Int

    package init(
        tenantID: String? = nil, deliveryID: String? = nil, destinationID: String? = nil, type: MessageType? = nil,
        since: Date? = nil, limit: Int = 1000
    ) {
        self.tenantID = tenantID
        self.deliveryID = deliveryID
        self.destinationID = destinationID
        self.type = type
        self.since = since
        self.limit = limit
    }
}

/// Judges and tries destinations.
package protocol DestinationProving: Sendable {
    /// - Throws: what is wrong, as a sentence without what was given.
    func check(_ destination: Destination) throws
    /// Sends a test message at once, past queue, pacing and routes.
    func prove(_ destination: Destination) async -> DestinationProof
    /// A new webhook secret.
    func generatedSecret() -> Secret
}

/// What a test of a destination brought.
package struct DestinationProof: Sendable, Equatable {
    package var succeeded: Bool
    /// A status, reply code or short word.
    package var code: String
    /// One sentence, without addresses or secrets.
    package var sentence: String

    package init(succeeded: Bool, code: String, sentence: String) {
        self.succeeded = succeeded
        self.code = code
        self.sentence = sentence
    }
}
