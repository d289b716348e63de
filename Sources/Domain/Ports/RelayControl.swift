package import FoundationEssentials

/// What people do to running incidents; every change is one transaction with its audit row.
///
/// A `tenantID` limits a call to that tenant's rows: what is not the tenant's is as if it were not there.
package protocol RelayControl: Sendable {
    /// Somebody takes care: reminders and escalations stop until the incident closes; its end is told as ever.
    ///
    /// A message that is on its way still arrives. Acknowledging a platform event closes it.
    ///
    /// - Parameter note: at most 500 characters.
    /// - Returns: the open incidents of the target, acknowledged now or before; empty: there is none.
    func acknowledge(
        _ target: RelayTarget, note: String?, tenantID: String?, by actor: AuditActor
    ) async throws -> [Incident]
    /// Silences the target's open incidents one by one until then; they are told or reminded of at its end.
    ///
    /// - Returns: a silence for each open incident; empty: there is none.
    func snooze(
        _ target: RelayTarget, until end: Date, comment: String, tenantID: String?, by actor: AuditActor
    ) async throws -> [Silence]
    /// Adds a silence; messages about what it covers that were not sent yet are dropped.
    func addSilence(_ silence: Silence, by actor: AuditActor) async throws
    /// Newest first; `isActive`: those that have not ended.
    func silences(isActive: Bool, tenantID: String?, limit: Int) async throws -> [Silence]
    /// Ends a silence now: what it held back is told. False: there is none, or it has ended.
    func removeSilence(_ id: String, tenantID: String?, by actor: AuditActor) async throws -> Bool
    /// Sends nothing more to a receiver of a destination and drops what waits for it; nothing else changes.
    ///
    /// - Parameter recipient: an e-mail address; empty: the whole destination.
    /// - Returns: false: there is no such destination, or it has no such recipient.
    func mute(destination id: String, recipient: String, tenantID: String?, by actor: AuditActor) async throws -> Bool
    /// False: it was not muted.
    func unmute(destination id: String, recipient: String, tenantID: String?, by actor: AuditActor) async throws -> Bool
    func mutes(tenantID: String?) async throws -> [Mute]
}

/// The incidents an act is about.
package enum RelayTarget: Sendable, Equatable {
    case incident(Int64)
    /// All that a message carries: what its buttons and links act on.
    case delivery(String)
}
