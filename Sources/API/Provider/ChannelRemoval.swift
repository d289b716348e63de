package import Domain
import Providers

/// Disconnects a channel and tells its provider where that is safe.
package struct ChannelRemoval: Sendable {
    /// What became of the grant at the provider.
    package enum Revocation: String, Sendable {
        case revoked
        /// Asked not to.
        case skipped
        /// Another channel lives on the same consent, or may.
        case shared
        /// The provider has no such call, or there was nothing to revoke.
        case unsupported
        /// It refused, or could not be reached.
        case failed
    }

    let channels: any ChannelAdministration
    let calls: ProviderCalls

    package init(channels: any ChannelAdministration, calls: ProviderCalls) {
        self.channels = channels
        self.calls = calls
    }

    /// - Returns: nil when there is no such channel.
    package func remove(
        _ id: ChannelID, tenantID: String?, revokes: Bool, purges: Bool, actor: AuditActor
    ) async throws -> Revocation? {
        guard
            let disconnection = try await channels.disconnect(id, tenantID: tenantID, purge: purges, actor: actor)
        else { return nil }
        // The channel is disconnected whatever comes of this.
        let (revocation, message) = try await revoke(disconnection.grant, revokes: revokes)
        if let message {
            try await channels.note(
                revocation == .revoked ? "revoked" : "not_revoked", message: message, of: id, actor: actor)
        }
        return revocation
    }

    private func revoke(_ grant: StoredGrant?, revokes: Bool) async throws -> (Revocation, String?) {
        guard let grant, grant.credential.accessToken != nil || grant.credential.refreshToken != nil else {
            return (.unsupported, nil)
        }
        guard revokes else { return (.skipped, "Not revoked at the provider, as asked.") }
        guard let reach = calls.reach(of: grant.provider) else {
            return (
                .unsupported, "\(grant.provider) has no call that revokes; remove the app in the account's settings."
            )
        }
        if reach == .consent,
            try await channels.isShared(apps: calls.appsSharingConsent(with: grant), besides: grant.channelID)
        {
            return (
                .shared,
                "Not revoked: revoking at \(grant.provider) ends all that an account allowed the app, and other channels of the app are connected."
            )
        }
        switch await calls.revoke(grant) {
        case .done: return (.revoked, "Revoked at \(grant.provider).")
        case .unsupported: return (.unsupported, "\(grant.provider) has no call that revokes.")
        case .impossible(let why): return (.failed, "Not revoked: \(why)")
        case .refused(let failure): return (.failed, "Not revoked: \(failure.message)")
        case .unreachable(let why): return (.failed, "Not revoked: \(grant.provider) cannot be reached (\(why)).")
        }
    }
}
