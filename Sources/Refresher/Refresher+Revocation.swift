import Domain
import FoundationEssentials
import Logging
import Providers

/// Pairs that arrived after their channel was disconnected (PROTOCOL §4).
extension Refresher {
    static let revocationTries = 3
    static let revocationPause: Duration = .seconds(5)

    /// Revokes a superseded pair of a disconnected channel, so that nobody's grant lives on unseen.
    ///
    /// Only where revoking ends this token alone: a consent may be another channel's too, and what could be said of it
    /// was said when the channel was disconnected.
    /// - Returns: false when the provider should be told and was not; the journal's entry then stays open.
    func dropSuperseded(_ success: StoredSuccess, tries: Int = Refresher.revocationTries) async -> Bool {
        guard let entry = ports.catalogue[success.provider], entry.revocationReach == .token,
            let app = ports.apps.app(provider: success.provider, tenantID: success.tenantID)
        else { return true }
        do {
            let fence = try await gate.reading { try await ports.store.fences(of: [success.key.channelID]) }
            guard fence[success.key.channelID]?.status == .disconnected else { return true }
        } catch {
            return false
        }
        var pause = Self.revocationPause
        for attempt in 1...max(tries, 1) {
            if await revoke(success, at: entry, as: app) { return true }
            guard attempt < tries, !gate.isStopped else { break }
            await stopSignal.wait(atMost: pause, clock: clock)
            pause = pause * 2
        }
        logger.warning(
            "a token of a disconnected channel could not be revoked",
            metadata: [
                "event": "revocation.failed", "channel": "\(success.key.channelID)", "provider": "\(success.provider)",
            ])
        return false
    }

    /// True when the provider has answered, whatever it said, or cannot be asked.
    private func revoke(_ success: StoredSuccess, at entry: ProviderEntry, as app: App) async -> Bool {
        let secrets: [Secret?] = app.secrets.isEmpty ? [nil] : app.secrets.map { $0 }
        for secret in secrets.prefix(Attempt.transfersMax) {
            let inputs = RequestInputs(credential: success.credential, app: app, secret: secret)
            guard let request = try? entry.revokeRequest(inputs) else { return true }
            let end = await ports.sender.send(request, limits: TransferLimits(total: configuration.transferLimit)) {
                !self.gate.isStopped
            }
            guard case .answered(let response) = end else { return false }
            let verdict = entry.verdict(
                status: response.status, headers: response.headers, body: response.body, phase: .revoke)
            switch verdict {
            case .success:
                logger.info(
                    "a token of a disconnected channel was revoked",
                    metadata: [
                        "event": "revocation.done", "channel": "\(success.key.channelID)",
                        "provider": "\(success.provider)",
                    ])
                return true
            case .failure(let failure):
                switch failure.answerClass {
                case .client: continue
                case .transient, .rateLimited: return false
                case .reauth, .suspended, .request, .tooEarly, .unknown: return true
                }
            }
        }
        return true
    }
}
