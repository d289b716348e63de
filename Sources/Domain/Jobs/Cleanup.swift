/// What a cleanup goes through, in this order.
package enum CleanupStep: String, Sendable, CaseIterable, Codable, CodingKeyRepresentable {
    /// Tokens of channels that were disconnected more than ``CleanupPolicy/secretDays`` ago.
    case secrets
    /// Answers of authorizations nobody finished, and ends of those that are over.
    case authorizations
    /// Ends of refreshes.
    case audit
    /// What people and applications changed.
    case changes
    /// Finished jobs beyond those that are kept.
    case jobs
    /// Closed incidents, finished deliveries, expanded events, removed destinations.
    case relay
}

/// How long things are kept.
package struct CleanupPolicy: Sendable, Equatable {
    package static let secretDays = 7
    /// Ends of authorizations, for who asks what became of one.
    package static let authorizationDays = 30

    /// Of audit, changes and what was relayed.
    package var auditDays: Int
    package var jobs: JobRetention

    package init(auditDays: Int = 400, jobs: JobRetention = JobRetention()) {
        self.auditDays = auditDays
        self.jobs = jobs
    }
}

/// How many rows each step removed, or would remove.
package struct CleanupReport: Sendable, Equatable, Codable {
    package var counts: [CleanupStep: Int]

    package init(counts: [CleanupStep: Int] = [:]) {
        self.counts = counts
    }

    package var total: Int { counts.values.reduce(0, +) }
}

/// Removes what is kept no longer, in small transactions that hold nobody up.
package protocol CleanupStore: Sendable {
    /// How many rows ``clean(_:_:)`` would remove; writes nothing.
    func countForCleanup(_ step: CleanupStep, _ policy: CleanupPolicy) async throws -> Int
    /// - Returns: the rows removed, or channels whose secrets were shredded.
    func clean(_ step: CleanupStep, _ policy: CleanupPolicy) async throws -> Int
}
