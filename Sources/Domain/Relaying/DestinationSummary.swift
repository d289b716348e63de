package import FoundationEssentials

/// A destination as lists show it: without what is sealed.
package struct DestinationSummary: Sendable, Equatable {
    package var id: String
    package var tenantID: String?
    package var name: String
    package var kind: DestinationKind
    package var isDefault: Bool
    package var match: DestinationMatch
    package var recipients: [String]
    /// No delivery starts before this time: the receiver asked for a pause.
    package var parkedUntil: Date?
    /// What the receiver's last permanent refusal was; nil since the last success.
    package var fault: String?
    package var createdAt: Date
    package var escalatesTo: String?
    /// Failed attempts since the last success; from ``breakerThreshold`` on, one message at a time tries it.
    package var failures: Int

    /// Failures in a row after which the destination is parked between attempts.
    package static let breakerThreshold = 10

    package init(
        id: String, tenantID: String?, name: String, kind: DestinationKind, isDefault: Bool, match: DestinationMatch,
        recipients: [String], parkedUntil: Date?, fault: String?, createdAt: Date, escalatesTo: String? = nil,
        failures: Int = 0
    ) {
        self.id = id
        self.tenantID = tenantID
        self.name = name
        self.kind = kind
        self.isDefault = isDefault
        self.match = match
        self.recipients = recipients
        self.parkedUntil = parkedUntil
        self.fault = fault
        self.createdAt = createdAt
        self.escalatesTo = escalatesTo
        self.failures = failures
    }
}
