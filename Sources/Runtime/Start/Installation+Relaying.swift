package import API
import Curl
package import Domain
import FoundationEssentials
import Notifier
import Store

/// What the command line does to incidents, destinations and deliveries, over the same code as the service.
extension Installation {
    package var relayControl: any RelayControl { store }
    package var relayDirectory: any RelayDirectory { store }
    package var deliveryLog: any DeliveryAdministration { store }

    /// Adds a destination; the webhook's secret when it was made here.
    ///
    /// - Throws: ``IntakeError``.
    package func add(
        destination fields: DestinationFields, tenantID: String?
    ) async throws -> (destination: DestinationSummary, secret: Secret?) {
        let (destination, secret) = try fields.made(tenantID: tenantID, generatedSecret: WebhookSecret.generated)
        do {
            try DestinationCheck.check(destination, addresses: try settings.destinationAddresses())
        } catch {
            throw IntakeError("\(error)")
        }
        let known = try await store.destinations(tenantID: nil)
        if let above = destination.escalatesTo, !known.contains(where: { $0.id == above }) {
            throw IntakeError("there is no destination `\(above)` to escalate to")
        }
        try await store.put(destination)
        try await store.record(
            AuditChange(action: "destination.added", tenantID: tenantID, subject: destination.id), by: "command line")
        guard let made = try await store.destinations(tenantID: nil).first(where: { $0.id == destination.id }) else {
            throw IntakeError("the destination was removed meanwhile")
        }
        return (made, secret)
    }

    /// False: there is none.
    package func removeDestination(_ id: String) async throws -> Bool {
        guard try await store.removeDestination(id, tenantID: nil) else { return false }
        try await store.record(
            AuditChange(action: "destination.removed", tenantID: nil, subject: id), by: "command line")
        return true
    }

    /// Where news would go, and why; nil: there is no such channel.
    package func explainRoute(_ news: RoutedNews, channel id: ChannelID?) async throws -> RouteExplanation? {
        var news = news
        if let id {
            guard let channel = try await store.channel(id, tenantID: nil) else { return nil }
            news.tenantID = channel.tenantID
            news.provider = channel.provider
        }
        return RouteExplanation(
            news, channel: id, among: try await destinations(),
            silences: try await store.silences(isActive: true, tenantID: nil, limit: 500),
            mutes: try await store.mutes(tenantID: nil), now: Date())
    }
}
