import Domain
import Logging
import Providers

/// Grants of accounts that belong to nobody here: somebody signed in as the wrong one (PROTOCOL §8.5).
extension Finisher {
    /// Ends the grant that was just refused, so that it does not live on unseen; once, and whatever comes of it.
    ///
    /// Only where no channel of the app has that account, and where revoking ends this token alone: elsewhere it would end
    /// a consent that the same person gave for the channel's own account.
    func revokeForeign(
        account: String, _ target: AuthorizationTarget, _ entry: ProviderEntry, _ inputs: RequestInputs
    ) async {
        guard entry.revocationReach == .token, let request = try? entry.revokeRequest(inputs) else { return }
        do {
            let holder = try await authorizations.holder(
                ofAccount: account, provider: target.provider, appID: target.appID)
            guard holder == nil else { return }
        } catch {
            return
        }
        let end = await sender.send(request, limits: TransferLimits(total: .seconds(10)), permit: { true })
        let status = if case .answered(let response) = end { "\(response.status)" } else { "no answer" }
        logger.info(
            "the grant of a foreign account was revoked",
            metadata: [
                "event": "authorization.foreign_revoked", "channel": "\(target.channelID)",
                "provider": "\(target.provider)", "status": "\(status)",
            ])
    }
}
