package import FoundationEssentials

/// The database as the relay's two loops see it (PROTOCOL §9); none of it writes a channel's fence or credential.
package protocol RelayStore: Sendable {
    /// Turns at most `limit` events into incidents and deliveries, in order and once each, in one transaction.
    ///
    /// One replica expands at a time; the others get none. Messages that are due at once may be claimed as they are made.
    ///
    /// - Parameter terms: nil: nothing is claimed.
    func expandEvents(limit: Int, rules: RelayRules, claiming terms: ClaimTerms?) async throws -> Expanded
    /// Tells, reminds and escalates what is due, and begins silences whose time has come, in one transaction.
    ///
    /// - Returns: how many incidents were looked at.
    func keepCadence(limit: Int, rules: RelayRules) async throws -> Int
    /// Opens incidents of grants that end soon and that no machine can renew, and closes those whose end moved.
    ///
    /// - Returns: how many were opened or closed.
    func watchDeadlines(rules: RelayRules) async throws -> Int
    /// Claims deliveries that are due, fair over the destinations of a lane, and takes over those whose lease ran out.
    ///
    /// Messages are rendered at their first claim and kept with it, in one transaction: later attempts send the same.
    func claimDeliveries(_ terms: ClaimTerms, lane: DeliveryLane) async throws -> DeliveryBatch
    /// Stores ends of attempts, in one transaction.
    ///
    /// - Returns: the claims that hold; of the others somebody else decides.
    func finish(_ ends: [DeliveryEnd]) async throws -> Set<DeliveryClaim>
    /// Gives a claim back unsent, due at once and without counting the try.
    func release(_ claim: DeliveryClaim) async throws
    func relayTotals() async throws -> RelayTotals
}

extension RelayStore {
    /// False: the lease is lost and somebody else decides.
    package func finish(_ claim: DeliveryClaim, _ report: DeliveryReport) async throws -> Bool {
        try await !finish([DeliveryEnd(claim: claim, report: report)]).isEmpty
    }
}

/// What a claim may take, and how it makes messages.
package struct ClaimTerms: Sendable {
    /// The message of a delivery in its transport's form, called inside a transaction; nil: there is none to send.
    package typealias Rendering = @Sendable (ClaimedDelivery) -> [UInt8]?

    /// How many deliveries at most.
    package var limit: Int
    package var limits: DeliveryLimits
    package var render: Rendering

    package init(limit: Int, limits: DeliveryLimits, render: @escaping Rendering) {
        self.limit = limit
        self.limits = limits
        self.render = render
    }
}

/// What an expansion did.
package struct Expanded: Sendable {
    package enum Remainder: Sendable {
        case nothing
        /// More events may wait.
        case some
        /// Somebody else has the turn: another replica, or this one's cadence.
        case elsewhere
    }

    package var events: Int
    /// Messages that it made and claimed.
    package var claimed: DeliveryBatch
    /// It made others, which wait for their claim.
    package var leavesMessages: Bool
    package var remainder: Remainder

    package init(events: Int, claimed: DeliveryBatch, leavesMessages: Bool, remainder: Remainder) {
        self.events = events
        self.claimed = claimed
        self.leavesMessages = leavesMessages
        self.remainder = remainder
    }
}

/// How a claimed delivery's attempt ended.
package struct DeliveryEnd: Sendable {
    package var claim: DeliveryClaim
    package var report: DeliveryReport

    package init(claim: DeliveryClaim, report: DeliveryReport) {
        self.claim = claim
        self.report = report
    }
}

/// Destinations that are served together: those that failed last hold up nobody but themselves.
package enum DeliveryLane: Sendable, CaseIterable {
    /// The last attempt was taken.
    case sound
    case failing
}

/// Limits of a claim.
package struct DeliveryLimits: Sendable {
    /// How long a claim holds, by kind: the transport's limit + 30 s.
    package var lease: @Sendable (DestinationKind) -> Duration
    /// How many deliveries to one destination may be on their way, over all replicas, after so many failures in a row.
    package var perDestination: @Sendable (_ kind: DestinationKind, _ failures: Int) -> Int
    /// The shortest time between two claims of one destination; nil: none.
    package var pace: @Sendable (DestinationKind) -> Duration?

    package init(
        lease: @escaping @Sendable (DestinationKind) -> Duration,
        perDestination: @escaping @Sendable (_ kind: DestinationKind, _ failures: Int) -> Int,
        pace: @escaping @Sendable (DestinationKind) -> Duration?
    ) {
        self.lease = lease
        self.perDestination = perDestination
        self.pace = pace
    }
}

/// Counts for `/status` and `/metrics`.
package struct RelayTotals: Sendable, Equatable {
    package var pendingEvents: Int
    package var pending: Int
    package var dead: Int
    /// When the oldest unfinished delivery was queued.
    package var oldestPendingAt: Date?
    package var openIncidents: [Severity: Int]

    package init(
        pendingEvents: Int = 0, pending: Int = 0, dead: Int = 0, oldestPendingAt: Date? = nil,
        openIncidents: [Severity: Int] = [:]
    ) {
        self.pendingEvents = pendingEvents
        self.pending = pending
        self.dead = dead
        self.oldestPendingAt = oldestPendingAt
        self.openIncidents = openIncidents
    }
}

/// Administration of what the relay uses and did.
///
/// A `tenantID` limits every answer to that tenant's rows.
package protocol RelayDirectory: Sendable {
    func destinations(tenantID: String?) async throws -> [DestinationSummary]
    /// With its opened configuration; nil when unknown, removed or not the tenant's.
    ///
    /// - Throws: ``SealedCredentialFault`` when the configuration does not open.
    func destination(_ id: String, tenantID: String?) async throws -> Destination?
    /// Adds the destination, or replaces the one with its id.
    func put(_ destination: Destination) async throws
    /// Removes it; deliveries that wait for it are suppressed.
    func removeDestination(_ id: String, tenantID: String?) async throws -> Bool
    /// Newest first; `before` is the last id of the page before.
    func incidents(_ query: IncidentQuery) async throws -> [Incident]
    func incident(_ id: Int64, tenantID: String?) async throws -> Incident?
    /// The gravest open incident of a channel: the one its link points to.
    func openIncident(of channel: ChannelID) async throws -> Incident?
    /// Newest first.
    func deliveries(_ query: DeliveryQuery) async throws -> [DeliveryRecord]
    /// Queues a dead delivery again, with the same id.
    func replay(_ deliveryID: String, tenantID: String?) async throws -> ReplayResult
    /// Deletes what ended before this time: events, deliveries, closed incidents.
    ///
    /// - Returns: how many rows.
    func purgeRelay(before: Date) async throws -> Int
}

package struct IncidentQuery: Sendable {
    package var tenantID: String?
    package var isOpen: Bool?
    package var channelID: ChannelID?
    package var before: Int64?
    /// At most 500.
    package var limit: Int

    package init(
        tenantID: String? = nil, isOpen: Bool? = nil, channelID: ChannelID? = nil, before: Int64? = nil,
        limit: Int = 100
    ) {
        self.tenantID = tenantID
        self.isOpen = isOpen
        self.channelID = channelID
        self.before = before
        self.limit = limit
    }
}

package struct DeliveryQuery: Sendable {
    package var tenantID: String?
    package var state: DeliveryState?
    package var destinationID: String?
    package var incidentID: Int64?
    /// Id of the last row of the page before.
    package var before: String?
    /// At most 500.
    package var limit: Int

    package init(
        tenantID: String? = nil, state: DeliveryState? = nil, destinationID: String? = nil, incidentID: Int64? = nil,
        before: String? = nil, limit: Int = 100
    ) {
        self.tenantID = tenantID
        self.state = state
        self.destinationID = destinationID
        self.incidentID = incidentID
        self.before = before
        self.limit = limit
    }
}

package enum ReplayResult: Sendable, Equatable {
    case queued
    case notFound
    /// Only dead deliveries are replayed.
    case notDead(DeliveryState)
    /// Telling an end as if it were still open would mislead.
    case incidentClosed
}
