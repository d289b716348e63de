import Domain
import Synchronization

/// Signing keys of the webhooks that were lately sent to, ready for use.
final class WebhookSecrets: Sendable {
    static let keptMax = 256

    private let kept = Mutex<[Secret: WebhookSecret]>([:])

    /// - Throws: as ``WebhookSecret/init(parsing:)``.
    func parsed(_ text: Secret) throws(DestinationError) -> WebhookSecret {
        if let known = kept.withLock({ $0[text] }) { return known }
        let secret = try WebhookSecret(parsing: text)
        kept.withLock { kept in
            if kept.count >= Self.keptMax { kept = [:] }
            kept[text] = secret
        }
        return secret
    }
}
